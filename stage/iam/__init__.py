"""IAM: who may do what, evaluated on the stage as AWS evaluates it.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html. A call that is signed with a role's
credentials is turned into the permissions that AWS asks for it (`actions`), and each of them is held against the
role's policies (`policies`, `evaluation`, `conditions`); `access` stands before moto and keeps a record. A user's calls
are the account's administrator's. Policies of resources (a bucket, a topic, a queue) are not evaluated.
"""
