// Judges every request of standard input against its caller's policies, and writes one verdict for each.
// In: {"policies": {role: [{name, policy}]}, "requests": [{role, principal, action, resource, context}]}
// Out: [{"allowed": true | false | null, "doubts": [...]}]; null where it could not judge.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const { policies, requests } = JSON.parse(readFileSync(0, 'utf8'))

async function judge({ role, principal, action, resource, context }) {
  const answer = await runSimulation(
    {
      request: {
        principal,
        action,
        resource: { resource, accountId: principal.split(':')[4] },
        contextVariables: context,
      },
      identityPolicies: policies[role],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  if (answer.resultType === 'error') {
    return { allowed: null, doubts: [JSON.stringify(answer.errors)] }
  }
  const results = answer.resultType === 'single' ? [answer.result] : answer.results
  const ignored = results.flatMap((result) => result.ignoredContextKeys ?? [])
  return {
    allowed: answer.overallResult === 'Allowed',
    doubts: ignored.map((key) => `AWS knows no context key ${key} for ${action}`),
  }
}

const verdicts = []
for (const request of requests) {
  verdicts.push(await judge(request))
}
process.stdout.write(JSON.stringify(verdicts))
