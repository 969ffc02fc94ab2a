locals {
  namespace  = "NomadDrainHook"
  dimensions = { FunctionName = aws_lambda_function.function.function_name, service = "nomad-drain-hook" }

  # Cool colours for good outcomes, warm ones for the others; red where builds may have been killed.
  green  = "#2ca02c"
  grey   = "#7f7f7f"
  blue   = "#1f77b4"
  brown  = "#8c564b"
  orange = "#ff7f0e"
  red    = "#d62728"

  # Two in a row, from top to bottom: waiting instances, durations, outcomes, errors.
  graphs = [
    {
      title = "Instances that wait to be released"
      unit  = "Count"
      lines = [{ metric = "InstancesWaiting", stat = "Maximum", label = "Instances that wait to be released" }]
    },
    {
      title = "How long the oldest of them has waited"
      unit  = "Seconds"
      lines = [{ metric = "OldestWait", stat = "Maximum", label = "How long the oldest of them has waited" }]
      more = { annotations = { horizontal = [
        { value = var.deadline_seconds, label = "drain deadline", color = local.orange, yAxis = "left" },
        { value = local.ended_seconds, label = "the drain is forced", color = local.red, yAxis = "left" },
      ] } }
    },
    { title = "From the start of a drain to an empty node", unit = "Seconds", lines = local.durations["TimeToDrain"] },
    { title = "From an empty node to the release of its instance", unit = "Seconds", lines = local.durations["WaitAfterEmpty"] },
    {
      title = "How waits ended"
      unit  = "Count"
      lines = [
        { metric = "Drained", stat = "Sum", color = local.green, label = "Released: everything had finished" },
        { metric = "InstanceGone", stat = "Sum", color = local.grey, label = "Released: EC2 had terminated it already" },
        { metric = "NotANode", stat = "Sum", color = local.blue, label = "Released: never a Nomad node" },
        { metric = "NodeLost", stat = "Sum", color = local.brown, label = "Released: the node was down or gone" },
        { metric = "Forced", stat = "Sum", color = local.orange, label = "Released: the drain deadline was reached" },
        { metric = "TimedOut", stat = "Sum", color = local.red, label = "Released: the time was up" },
      ]
      more = { stacked = true }
    },
    {
      title = "What went wrong with them"
      unit  = "Count"
      lines = [
        { metric = "AllocationsKilled", stat = "Sum", label = "Allocations killed by a drain deadline" },
        { metric = "DrainsStuck", stat = "Maximum", label = "Drains that will not end by themselves" },
        { metric = "InstancesUnserved", stat = "Maximum", label = "Instances that a sweep could not serve" },
      ]
    },
    {
      title = "Nomad"
      unit  = "Count"
      lines = [
        { metric = "NomadErrors", stat = "Sum", label = "Requests that Nomad did not answer as it should" },
        { metric = "TokenTooNarrow", stat = "Maximum", label = "The Nomad token lacks permissions (1) or not (0)" },
      ]
    },
    {
      title = "AWS"
      unit  = "Count"
      lines = [
        { metric = "HeartbeatsRefused", stat = "Sum", label = "Heartbeats that Auto Scaling refused" },
        { metric = "EventsLost", stat = "Sum", label = "Events that the event bus did not accept" },
        { queue = aws_sqs_queue.failed_runs.name, label = "Failed runs" },
        { queue = aws_sqs_queue.undelivered_events.name, label = "Undelivered events" },
      ]
    },
  ]
  durations = { for metric in ["TimeToDrain", "WaitAfterEmpty"] : metric => [
    { metric = metric, stat = "p50", label = "half of them" },
    { metric = metric, stat = "p90", label = "9 of 10" },
    { metric = metric, stat = "Maximum", label = "longest" },
  ] }

  # Log records about them. The first has the last word of each instance in the records that end a run, of those that still wait.
  records = [
    {
      title = "What is waited for, and why"
      query = [
        "filter message = \"run ended\" and run in [\"event\", \"sweep\"]",
        "fields jsonParse(@message) as record",
        "unnest record.instances into instance",
        "stats max(@timestamp) as seen, latest(instance.action) as action, latest(instance.remaining) as allocations, latest(instance.because) as because, latest(instance.nodeId) as nodeId by instance.instanceId as instanceId, instance.group as group",
        "filter action != \"complete\"",
        "sort seen desc",
        "limit 100",
      ]
    },
    {
      title = "Who was released, and why"
      query = [
        "filter message = \"instance released\"",
        "fields @timestamp, instanceId, group, nodeId, outcome, because",
        "sort @timestamp desc",
        "limit 100",
      ]
    },
  ]

  # The grid of CloudWatch has 24 columns.
  whole         = 24
  half          = 12
  alarm_height  = 4
  graph_height  = 6
  record_height = 7
  graphs_at     = var.alarms ? local.alarm_height : 0
  records_at    = local.graphs_at + local.graph_height * ceil(length(local.graphs) / 2)

  widgets = concat(
    [for title in ["Alarms"] : {
      type   = "alarm"
      width  = local.whole
      height = local.alarm_height
      x      = 0
      y      = 0
      properties = {
        title  = title
        alarms = [for condition in local.conditions : aws_cloudwatch_metric_alarm.alarm[condition.name].arn]
      }
    } if var.alarms],
    [for place, graph in local.graphs : {
      type   = "metric"
      width  = local.half
      height = local.graph_height
      x      = local.half * (place % 2)
      y      = local.graphs_at + local.graph_height * floor(place / 2)
      properties = merge({
        view   = "timeSeries"
        title  = graph.title
        region = local.region
        metrics = [for line in graph.lines : concat(
          can(line.queue) ? ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", line.queue] : [
            local.namespace, line.metric, "FunctionName", local.dimensions.FunctionName, "service", local.dimensions.service,
          ],
          [{ for option, value in {
            label  = line.label
            stat   = try(line.stat, "Maximum")
            period = can(line.queue) ? null : 60
            color  = try(line.color, null)
          } : option => value if value != null }],
        )]
        yAxis = { left = { min = 0, label = graph.unit, showUnits = false } }
      }, try(graph.more, {}))
    }],
    [for place, record in local.records : {
      type   = "log"
      width  = local.whole
      height = local.record_height
      x      = 0
      y      = local.records_at + local.record_height * place
      properties = {
        view   = "table"
        title  = record.title
        region = local.region
        query  = "SOURCE '${aws_cloudwatch_log_group.log.name}' | ${join("\n| ", record.query)}"
      }
    }],
  )
}

# Its name has the region: dashboards are of the whole account.
resource "aws_cloudwatch_dashboard" "dashboard" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({ start = "-PT12H", widgets = local.widgets })
}
