"""IAM: checks permissions as AWS does.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html. A call that is signed with a role's
credentials needs the permissions in `actions`. Each is evaluated against the role's policies (`policies`, `evaluation`,
`conditions`); `access` does so before moto answers, and keeps a record. Users are administrators of the account.
Policies of resources (a bucket, a topic, a queue) are not evaluated.
"""
