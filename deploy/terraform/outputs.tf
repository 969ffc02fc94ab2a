output "function_name" {
  description = "The function that drains."
  value       = aws_lambda_function.function.function_name
}

output "function_arn" {
  description = "Its ARN."
  value       = aws_lambda_function.function.arn
}

output "status_command" {
  description = "Prints the waiting instances, what they wait for, and what would be done next. It changes nothing."
  value       = "aws lambda invoke --region ${local.region} --function-name ${aws_lambda_function.function.function_name}:query --cli-binary-format raw-in-base64-out --payload '{\"command\":\"status\"}' /dev/stdout"
}

output "dashboard_url" {
  description = "The dashboard in the CloudWatch console; null without one."
  value       = one([for dashboard in aws_cloudwatch_dashboard.dashboard : "https://${local.console}/cloudwatch/home?region=${local.region}#dashboards/dashboard/${dashboard.dashboard_name}"])
}

output "who_goes_function_arn" {
  description = "The function that groups may ask which instances go: the first of a group's `termination_policies`, before `Default`. Null without `choose_idle_first`. It depends on no group, and the permission to ask is there before it."
  value       = one(aws_lambda_function.who_goes[*].arn)
  depends_on  = [aws_lambda_permission.auto_scaling, aws_iam_role_policy.who_goes]
}

output "who_goes_ask_command" {
  description = "Makes the groups ask that function, where they are not made by Terraform; null without `choose_idle_first`. It replaces the policies that they have."
  value       = one([for function in aws_lambda_function.who_goes : "${local.for_each_group} --termination-policies ${function.arn} Default; done"])
}

output "who_goes_ask_no_more_command" {
  description = "Takes that back: before this module is destroyed, or `choose_idle_first` is taken out."
  value       = local.some_choose ? "${local.for_each_group} --termination-policies Default; done" : null
}

output "role_name" {
  description = "The role of the function that drains."
  value       = aws_iam_role.function.name
}

output "security_group_ids" {
  description = "The security groups of the function; none outside of a VPC. Nomad has to let them in."
  value       = local.in_vpc ? local.security_group_ids : []
}

output "log_group_name" {
  description = "The function's log, in JSON."
  value       = aws_cloudwatch_log_group.log.name
}

output "failed_runs_queue_url" {
  description = "Runs that failed, or were throttled for 5 minutes: each message has the event and the error. A sweep does their work."
  value       = aws_sqs_queue.failed_runs.url
}

output "undelivered_events_queue_url" {
  description = "Events that EventBridge could not deliver to Lambda."
  value       = aws_sqs_queue.undelivered_events.url
}

output "alarm_arns" {
  description = "The alarms, by the name of their section in docs/operations.md; none with `alarms = false`."
  value       = { for name, alarm in aws_cloudwatch_metric_alarm.alarm : name => alarm.arn }
}

output "hook_name" {
  description = "The lifecycle hook, the same in every group."
  value       = var.hook_name
  depends_on  = [aws_autoscaling_lifecycle_hook.hook]
}

locals {
  console        = lookup({ "aws-cn" = "console.amazonaws.cn", "aws-us-gov" = "console.amazonaws-us-gov.com" }, local.aws, "console.aws.amazon.com")
  quoted_groups  = join(" ", [for name in local.group_names : "'${replace(name, "'", "'\\''")}'" if local.terms[name].chooses.on])
  for_each_group = "for group in ${local.quoted_groups}; do aws autoscaling update-auto-scaling-group --auto-scaling-group-name \"$group\""
}
