locals {
  # In minutes. Longer than what passes by itself: an election among Nomad's servers, a deploy, a cold start.
  lasting = 5
  # CloudWatch evaluates two minutes more than it needs, and treats data as missing only where these are missing, too: three are
  # missing after five minutes without any.
  missing_for_lasting = local.lasting - 2

  ended_seconds = var.deadline_seconds + var.kill_margin_seconds
  # Well before a stuck drain does harm: after ten minutes, or a quarter of the deadline if that is shorter.
  stuck_minutes = max(1, min(10, floor(var.deadline_seconds / 4 / 60)))
  # A hook lapses when all three heartbeats of a timeout are refused. One refusal may be transient; after the second, a third of
  # the timeout is left to act. Where that is too short for a sweep and an alarm, the alarm fires at the first.
  slot_seconds    = var.heartbeat_timeout_seconds / 3
  refused_minutes = local.slot_seconds < 120 ? 1 : 2
  refused_of      = ceil(local.slot_seconds / 60) + 2

  # For metrics of each sweep: the alarm keeps its state. That no sweep comes has an alarm of its own.
  unknown = "ignore"
  # For metrics of what happens now and then: no data means that it did not happen.
  nothing = "notBreaching"
  # For what must always be there: no data is the fault.
  bad = "breaching"

  # As soon as there is any, in one minute.
  by_default = { queue = null, above = 0, below = null, minutes = 1, of = null }
  # The alarm stays on for an hour, and does not fire again for more of the same in that hour.
  once_an_hour = merge(local.by_default, { statistic = "Sum", of = 60, silence = local.nothing })
  in_a_queue   = merge(local.by_default, { metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", silence = local.nothing })

  # When each alarm fires, in the order of docs/operations.md, which says under its name what to do.
  conditions = [
    merge(local.by_default, {
      name      = "OldestWait"
      metric    = "OldestWait"
      statistic = "Maximum"
      above     = local.ended_seconds
      silence   = local.unknown
      says      = "An instance has waited for more than the drain deadline and the kill margin, ${local.ended_seconds} s: its drain should have ended. It is forced now, and ${var.kill_margin_seconds} s later the instance is released with whatever still runs on it."
    }),
    merge(local.by_default, {
      name      = "NomadUnreachable"
      metric    = "NomadErrors"
      statistic = "Sum"
      minutes   = local.lasting
      silence   = local.nothing
      says      = "Nomad has not answered as it should in each of the last ${local.lasting} minutes: every instance is kept meanwhile."
    }),
    merge(local.by_default, {
      name      = "TokenTooNarrow"
      metric    = "TokenTooNarrow"
      statistic = "Maximum"
      silence   = local.unknown
      says      = "The Nomad token lacks permissions: builds that it cannot see may be killed with their instance."
    }),
    merge(local.once_an_hour, {
      name   = "AllocationsKilled"
      metric = "AllocationsKilled"
      says   = "Allocations were killed because they had not finished by the drain deadline, ${var.deadline_seconds} s."
    }),
    merge(local.by_default, {
      name      = "DrainStuck"
      metric    = "DrainsStuck"
      statistic = "Maximum"
      minutes   = local.stuck_minutes
      silence   = local.unknown
      says      = "For ${local.stuck_minutes} minutes there has been a drain that will not end by itself: what it waits for is killed at the drain deadline."
    }),
    merge(local.by_default, {
      name      = "InstanceUnserved"
      metric    = "InstancesUnserved"
      statistic = "Maximum"
      minutes   = local.lasting
      silence   = local.unknown
      says      = "For ${local.lasting} minutes there has been an instance that no sweep could serve."
    }),
    merge(local.once_an_hour, {
      name   = "TimedOut"
      metric = "TimedOut"
      says   = "An instance was released because its time was up, with whatever still ran on it."
    }),
    merge(local.by_default, {
      name      = "InstanceRetained"
      metric    = "InstancesRetained"
      statistic = "Maximum"
      silence   = local.unknown
      says      = "Auto Scaling retains an instance whose drain did not end in time: it runs, and costs, until somebody terminates it."
    }),
    merge(local.once_an_hour, {
      name   = "NotANode"
      metric = "NodeMissing"
      says   = "An instance was released without a drain because Nomad knew no node of it, though it had been up for ten minutes or more: if it was a Nomad client all the same, its builds died with it."
    }),
    merge(local.by_default, {
      name      = "HeartbeatsRefused"
      metric    = "HeartbeatsRefused"
      statistic = "Sum"
      minutes   = local.refused_minutes
      of        = local.refused_of
      silence   = local.nothing
      says      = "Auto Scaling has refused heartbeats in ${local.refused_minutes} of the last ${local.refused_of} minutes: it ends a wait, drained or not, ${var.heartbeat_timeout_seconds} s after the last heartbeat that it took."
    }),
    merge(local.by_default, {
      name      = "SweepMissing"
      metric    = "InstancesWaiting"
      statistic = "SampleCount"
      below     = 1
      minutes   = local.missing_for_lasting
      silence   = local.bad
      says      = "For ${local.lasting} minutes no sweep has run: no instance is drained, held or released."
    }),
    merge(local.in_a_queue, {
      name  = "FailedRuns"
      queue = aws_sqs_queue.failed_runs.name
      says  = "Runs of the function have failed; each left its event and its error in the queue of failed runs."
    }),
    merge(local.in_a_queue, {
      name  = "UndeliveredEvents"
      queue = aws_sqs_queue.undelivered_events.name
      says  = "EventBridge could not hand events to the function; they lie in the queue of undelivered events."
    }),
    merge(local.once_an_hour, {
      name   = "EventsLost"
      metric = "EventsLost"
      says   = "The event bus did not take events of this function: whoever acts on them has missed some."
    }),
  ]
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = { for condition in local.conditions : condition.name => condition if var.alarms }

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${each.value.says} What to do: docs/operations.md, ${each.key}"

  namespace   = each.value.queue == null ? local.namespace : "AWS/SQS"
  metric_name = each.value.metric
  dimensions  = each.value.queue == null ? tomap(local.dimensions) : tomap({ QueueName = each.value.queue })
  statistic   = each.value.statistic
  period      = 60

  comparison_operator = each.value.below == null ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.below == null ? each.value.above : each.value.below
  datapoints_to_alarm = each.value.minutes
  evaluation_periods  = each.value.of == null ? each.value.minutes : each.value.of
  treat_missing_data  = each.value.silence

  alarm_actions = compact([var.alarm_topic_arn])
  ok_actions    = compact([var.alarm_topic_arn])

  # Made after the sweep and deleted before it: SweepMissing must not fire while this is created or deleted.
  depends_on = [aws_cloudwatch_event_target.function, aws_lambda_permission.rule]
}
