locals {
  # As many groups in a rule as its pattern has room for: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
  pattern_room   = 2048 - length(jsonencode(merge(local.of_termination, { detail = { AutoScalingGroupName = [], LifecycleHookName = [var.hook_name] } })))
  longest_name   = max(0, [for name in local.group_names : length(name)]...)
  groups_by_rule = chunklist(local.group_names, max(1, floor(local.pattern_room / (local.longest_name + 3))))
  # What the names of the second and further rules end in.
  suffixes = [for place in range(length(local.groups_by_rule)) : place == 0 ? "" : "-${place}"]

  of_termination = { source = ["aws.autoscaling"], "detail-type" = ["EC2 Instance-terminate Lifecycle Action"] }

  launch_room       = 2048 - length(jsonencode(merge(local.of_launch, { detail = { AutoScalingGroupName = [], LifecycleHookName = [var.launch_hook_name] } })))
  admitting_by_rule = chunklist(local.admitting, max(1, floor(local.launch_room / (local.longest_name + 3))))
  of_launch         = { source = ["aws.autoscaling"], "detail-type" = ["EC2 Instance-launch Lifecycle Action"] }

  wake_ups = merge(
    # Starts a drain within seconds. Two retries within the hour: by then a sweep has found the instance.
    { for place, names in local.groups_by_rule : "termination${local.suffixes[place]}" => {
      description = "An instance waits to be terminated: drain its Nomad node"
      pattern     = merge(local.of_termination, { detail = { AutoScalingGroupName = names, LifecycleHookName = [var.hook_name] } })
      schedule    = null
      retries     = 2
      age_seconds = 3600
    } },
    # The same for an instance that waits to be put into service.
    { for place, names in local.admitting_by_rule : "launch${place == 0 ? "" : "-${place}"}" => {
      description = "An instance waits to be put into service: see whether its Nomad node is ready"
      pattern     = merge(local.of_launch, { detail = { AutoScalingGroupName = names, LifecycleHookName = [var.launch_hook_name] } })
      schedule    = null
      retries     = 2
      age_seconds = 3600
    } },
    # A sweep is not retried: the next one, a minute later, does the same.
    {
      sweep = {
        description = "Every minute: take each waiting instance one step further"
        pattern     = null
        schedule    = "rate(1 minute)"
        retries     = 0
        age_seconds = 60
      }
    },
  )

  rules = merge(local.wake_ups, local.notice_rules)
}

resource "aws_cloudwatch_event_rule" "rule" {
  for_each = local.rules

  name                = "${var.name}-${each.key}"
  description         = each.value.description
  event_pattern       = each.value.pattern == null ? null : jsonencode(each.value.pattern)
  schedule_expression = each.value.schedule
  state               = "ENABLED"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "function" {
  for_each = local.rules

  rule      = aws_cloudwatch_event_rule.rule[each.key].name
  target_id = "function"
  arn       = aws_lambda_function.function.arn

  retry_policy {
    maximum_retry_attempts       = each.value.retries
    maximum_event_age_in_seconds = each.value.age_seconds
  }

  dead_letter_config {
    arn = aws_sqs_queue.undelivered_events.arn
  }
}

resource "aws_lambda_permission" "rule" {
  for_each = local.rules

  statement_id  = each.key
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function.function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.rule[each.key].arn
}
