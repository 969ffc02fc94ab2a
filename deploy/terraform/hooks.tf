# Each under the name of its group, not its place in the list: for a group that moves up, Terraform would make the hook under its new
# address, and delete the one of the old. To Auto Scaling both are the same hook, for it knows a hook by group and name.
resource "aws_autoscaling_lifecycle_hook" "hook" {
  for_each = toset(local.group_names)

  name                   = var.hook_name
  autoscaling_group_name = each.value
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = var.heartbeat_timeout_seconds
  # A wait that lapses did not end in time, and Auto Scaling retains no instance that ends by CONTINUE.
  default_result = var.hook_default_result == null ? local.terms[each.value].policy.onTimeout : var.hook_default_result

  # Made last, deleted first: no instance waits while nothing can release it.
  depends_on = [
    aws_iam_role_policy.function,
    aws_lambda_function_event_invoke_config.function,
    aws_cloudwatch_event_target.function,
    aws_lambda_permission.rule,
    aws_sqs_queue_policy.failed_runs,
    aws_sqs_queue_policy.undelivered_events,
    aws_vpc_security_group_egress_rule.function,
    aws_vpc_security_group_ingress_rule.endpoint,
    aws_vpc_endpoint.endpoint,
  ]
}

# On their way in. A function that does not answer must not stop a group from growing: then Auto Scaling goes on.
resource "aws_autoscaling_lifecycle_hook" "launch" {
  for_each = toset(local.admitting)

  name                   = var.launch_hook_name
  autoscaling_group_name = each.value
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_LAUNCHING"
  heartbeat_timeout      = 300
  default_result         = "CONTINUE"

  # Made last, deleted first: no instance waits while nothing can release it.
  depends_on = [
    aws_iam_role_policy.function,
    aws_lambda_function_event_invoke_config.function,
    aws_cloudwatch_event_target.function,
    aws_lambda_permission.rule,
    aws_sqs_queue_policy.failed_runs,
    aws_sqs_queue_policy.undelivered_events,
    aws_vpc_security_group_egress_rule.function,
    aws_vpc_security_group_ingress_rule.endpoint,
    aws_vpc_endpoint.endpoint,
  ]
}
