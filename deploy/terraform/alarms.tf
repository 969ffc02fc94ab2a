locals {
  # What the names of alarms begin with. A stack of CloudFormation may have the same name, and alarms of its own.
  deployed_as = "${var.name} (Terraform)"
  # The options of nomad-drain-hook that lead to it from anywhere.
  this_function = "--region ${local.region} --function ${aws_lambda_function.function.function_name}"

  # In minutes. Longer than what passes by itself: an election among Nomad's servers, a deploy, a cold start.
  lasting = 5
  # CloudWatch evaluates two minutes more than it needs, and treats data as missing only where these are missing, too: three are
  # missing after five minutes without any.
  missing_for_lasting = local.lasting - 2

  # When a drain should have ended, and how long after it was forced its instance is released: of each group, where they differ.
  several    = length(local.group_times) > 1
  ended_list = join("; ", [for place, times in local.group_times : "${times.deadline} s + ${times.margin} s${local.several ? " in ${local.labels[place]}" : ""}"])
  ends       = [for times in local.group_times : times.deadline + times.margin]
  # Short enough that the description of an alarm stays below CloudWatch's 1024 characters.
  ended   = length(local.ended_list) <= 400 ? local.ended_list : "${min(local.ends...)} to ${max(local.ends...)} s, by its group"
  margins = distinct([for times in local.group_times : times.margin])
  margin  = length(local.margins) == 1 ? "${local.margins[0]} s" : "the kill margin of its group"
  # Well before a stuck drain does harm: after ten minutes, or a quarter of the deadline if that is shorter. The shortest deadline: in no
  # group may a drain be stuck until its deadline before the alarm fires.
  stuck_minutes = max(1, min(10, [for times in local.group_times : floor(times.deadline / 4 / 60)]...))
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
  by_default = { queue = null, choice = null, admits = false, above = 0, below = null, minutes = 1, of = null }
  # The alarm stays on for an hour, and does not fire again for more of the same in that hour.
  once_an_hour = merge(local.by_default, { statistic = "Sum", of = 60, silence = local.nothing })
  in_a_queue   = merge(local.by_default, { metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", silence = local.nothing })

  # Of the function that says which instances go.
  who_goes_name = join("", aws_lambda_function.who_goes[*].function_name)
  choice_dimensions = {
    ours   = { FunctionName = local.who_goes_name, service = "nomad-drain-hook" }
    lambda = { FunctionName = local.who_goes_name }
  }

  # When each alarm fires, in the order of docs/operations.md, which says under its name what to do.
  conditions = [
    merge(local.by_default, {
      name      = "OldestWait"
      title     = "oldest wait"
      first     = "status"
      metric    = "LongestOverdue"
      statistic = "Maximum"
      silence   = local.unknown
      says      = "An instance still waits after its drain deadline and the kill margin (${local.ended}): its drain should have ended. It is forced now, and ${local.margin} later the instance is released with whatever still runs on it."
    }),
    merge(local.by_default, {
      name      = "NomadUnreachable"
      title     = "Nomad unreachable"
      first     = "doctor"
      metric    = "NomadErrors"
      statistic = "Sum"
      minutes   = local.lasting
      silence   = local.nothing
      says      = "Requests to Nomad have failed in each of the last ${local.lasting} minutes: every instance is held meanwhile."
    }),
    merge(local.by_default, {
      name      = "TokenTooNarrow"
      title     = "token too narrow"
      first     = "doctor"
      metric    = "TokenTooNarrow"
      statistic = "Maximum"
      silence   = local.unknown
      says      = "The Nomad token lacks permissions: builds that it cannot see may be killed with their instance."
    }),
    merge(local.once_an_hour, {
      name   = "AllocationsKilled"
      title  = "allocations killed"
      first  = "history --since 2h"
      metric = "AllocationsKilled"
      says   = "Nomad killed allocations that had not finished by the drain deadline."
    }),
    merge(local.by_default, {
      name      = "DrainStuck"
      title     = "drain stuck"
      first     = "status"
      metric    = "DrainsStuck"
      statistic = "Maximum"
      minutes   = local.stuck_minutes
      silence   = local.unknown
      says      = "A drain has been stuck for ${local.stuck_minutes} minutes and will not end by itself: what it waits for is killed at the drain deadline."
    }),
    merge(local.by_default, {
      name      = "InstanceUnserved"
      title     = "instance unserved"
      first     = "status"
      metric    = "InstancesUnserved"
      statistic = "Maximum"
      minutes   = local.lasting
      silence   = local.unknown
      says      = "Each sweep of the last ${local.lasting} minutes left an instance unserved."
    }),
    merge(local.once_an_hour, {
      name   = "TimedOut"
      title  = "timed out"
      first  = "history --since 2h"
      metric = "TimedOut"
      says   = "An instance was released because its time was up, with whatever still ran on it."
    }),
    merge(local.by_default, {
      name      = "InstanceRetained"
      title     = "instance retained"
      first     = "status"
      metric    = "InstancesRetained"
      statistic = "Maximum"
      silence   = local.unknown
      says      = "Auto Scaling retains an instance whose drain did not end in time: it runs, and costs, until you terminate it."
    }),
    merge(local.once_an_hour, {
      name   = "NotANode"
      title  = "not a node"
      first  = "doctor"
      metric = "NodeMissing"
      says   = "An instance was released without a drain because Nomad knew no node of it, though it had been up for ten minutes or more: if it was a Nomad client, its builds were killed."
    }),
    merge(local.by_default, {
      name      = "HeartbeatsRefused"
      title     = "heartbeats refused"
      first     = "doctor"
      metric    = "HeartbeatsRefused"
      statistic = "Sum"
      minutes   = local.refused_minutes
      of        = local.refused_of
      silence   = local.nothing
      says      = "Auto Scaling has refused heartbeats in ${local.refused_minutes} of the last ${local.refused_of} minutes: it ends a wait, drained or not, ${var.heartbeat_timeout_seconds} s after the last heartbeat that it accepted."
    }),
    merge(local.by_default, {
      name      = "SweepMissing"
      title     = "sweep missing"
      first     = "doctor"
      metric    = "InstancesWaiting"
      statistic = "SampleCount"
      below     = 1
      minutes   = local.missing_for_lasting
      silence   = local.bad
      says      = "For ${local.lasting} minutes no sweep has run: no instance is drained, held or released."
    }),
    merge(local.in_a_queue, {
      name  = "FailedRuns"
      title = "failed runs"
      first = "doctor"
      queue = aws_sqs_queue.failed_runs.name
      says  = "Runs of the function have failed; the queue of failed runs has the event and the error of each."
    }),
    merge(local.in_a_queue, {
      name  = "UndeliveredEvents"
      title = "undelivered events"
      first = "doctor"
      queue = aws_sqs_queue.undelivered_events.name
      says  = "EventBridge could not deliver events to the function; they are in the queue of undelivered events."
    }),
    merge(local.once_an_hour, {
      name   = "EventsLost"
      title  = "events lost"
      first  = "doctor"
      metric = "EventsLost"
      says   = "The event bus did not accept events of this function: subscribers have missed them."
    }),
    merge(local.by_default, {
      name      = "ClientsMissing"
      title     = "clients missing"
      first     = "status"
      metric    = "ClientsMissing"
      statistic = "Maximum"
      # Twice: it is counted every fifth minute.
      minutes = 2
      of      = 7
      silence = local.nothing
      says    = "Instances have been in service for ten minutes and more, and Nomad has no live node of them: they count as capacity and run nothing."
    }),
    merge(local.once_an_hour, {
      name   = "InstancesAbandoned"
      title  = "instances abandoned"
      first  = "history --since 2h"
      metric = "InstancesAbandoned"
      admits = true
      says   = "An instance was abandoned because its Nomad node was not ready in time: Auto Scaling replaces it, and more slowly if that happens again and again."
    }),
    # No build dies by these: Auto Scaling chooses by itself.
    merge(local.once_an_hour, {
      name   = "ChoiceFellBack"
      title  = "choice fell back"
      first  = "doctor"
      metric = "ChoicesFellBack"
      choice = "ours"
      says   = "Auto Scaling chose which instances go: the function that lets idle ones go first had no answer, or not in time."
    }),
    merge(local.once_an_hour, {
      name   = "ChoiceFailed"
      title  = "choice failed"
      first  = "doctor"
      metric = "Errors"
      choice = "lambda"
      says   = "The function that lets idle instances go first failed or timed out: Auto Scaling chooses by itself."
    }),
  ]
  # Those whose function there is, and whose hooks.
  watched = [for condition in local.conditions : condition if(condition.choice == null || local.some_choose) && (!condition.admits || local.some_admit)]
}

resource "aws_cloudwatch_metric_alarm" "alarm" {
  for_each = { for condition in local.watched : condition.name => condition if var.alarms }

  alarm_name        = "${local.deployed_as}: ${each.value.title}"
  alarm_description = "${each.value.says} Deployed as ${local.deployed_as}. First run: `nomad-drain-hook ${each.value.first} ${local.this_function}`. Runbook: ${var.runbook_url}#${lower(each.key)}"

  namespace   = each.value.queue != null ? "AWS/SQS" : (each.value.choice == "lambda" ? "AWS/Lambda" : local.namespace)
  metric_name = each.value.metric
  dimensions  = each.value.queue != null ? tomap({ QueueName = each.value.queue }) : (each.value.choice == null ? tomap(local.dimensions) : tomap(local.choice_dimensions[each.value.choice]))
  statistic   = each.value.statistic
  period      = 60

  comparison_operator = each.value.below == null ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.below == null ? each.value.above : each.value.below
  datapoints_to_alarm = each.value.minutes
  evaluation_periods  = each.value.of == null ? each.value.minutes : each.value.of
  treat_missing_data  = each.value.silence

  alarm_actions = compact([var.alarm_topic_arn])
  ok_actions    = compact([var.alarm_topic_arn])

  tags = var.tags

  # Made after the sweep and deleted before it: SweepMissing must not fire while this is created or deleted.
  depends_on = [aws_cloudwatch_event_target.function, aws_lambda_permission.rule]
}
