#!/usr/bin/env bash
# What teams do today, as an often copied article has it: delete every rule, then one AWS CLI call after the other.
#
#   classic.sh <image> <schedule file> <prefix> <cluster> <service> <family> <subnets> <security groups>
#
# Subnets and groups as JSON lists. Needs the AWS CLI and jq.
set -euo pipefail
image=$1 schedule=$2 prefix=$3 cluster=$4 service=$5 family=$6 subnets=$7 groups=$8
role="arn:aws:iam::123456789012:role/ecsEventsRole"

# What a registration refuses, and the image, which is the same for all.
base=$(aws ecs describe-task-definition --task-definition "$family" | jq --arg image "$image" '
  .taskDefinition
  | del(.taskDefinitionArn, .revision, .status, .requiresAttributes, .compatibilities, .registeredAt, .registeredBy)
  | .containerDefinitions[0].image = $image')

for rule in $(aws events list-rules --name-prefix "$prefix" --query 'Rules[].Name' --output text); do
  target=$(aws events list-targets-by-rule --rule "$rule" --query 'Targets[0].Id' --output text)
  aws events remove-targets --rule "$rule" --ids "$target" >/dev/null
  aws events delete-rule --name "$rule"
done

jq -c '.tasks[]' "$schedule" | while read -r task; do
  name=$(jq -r .name <<<"$task")
  definition=$(jq --argjson task "$task" '.containerDefinitions[0].command = ["./bin/start", $task.task]' <<<"$base")
  revision=$(aws ecs register-task-definition --cli-input-json "$definition" \
    --query taskDefinition.taskDefinitionArn --output text)
  aws events put-rule --name "$prefix$name" --schedule-expression "cron($(jq -r .cron <<<"$task"))" >/dev/null
  arn=$(aws ecs describe-clusters --clusters "$cluster" --query 'clusters[0].clusterArn' --output text)
  targets=$(jq -n --arg id "${prefix}rule_target__$name" --arg arn "$arn" --arg role "$role" \
    --arg revision "$revision" --argjson subnets "$subnets" --argjson groups "$groups" '[{
      Id: $id, Arn: $arn, RoleArn: $role,
      EcsParameters: {
        TaskDefinitionArn: $revision, TaskCount: 1, LaunchType: "FARGATE", PlatformVersion: "LATEST",
        NetworkConfiguration: {awsvpcConfiguration: {
          Subnets: $subnets, SecurityGroups: $groups, AssignPublicIp: "ENABLED"}}}}]')
  aws events put-targets --rule "$prefix$name" --targets "$targets" >/dev/null
done

definition=$(jq '.containerDefinitions[0] |= (.command = ["./bin/start"]
  | .portMappings[0] = {containerPort: 8000, hostPort: 8000, protocol: "tcp"})' <<<"$base")
revision=$(aws ecs register-task-definition --cli-input-json "$definition" \
  --query taskDefinition.revision --output text)
aws ecs update-service --cluster "$cluster" --service "$service" --task-definition "$family:$revision" >/dev/null
