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

  # A duration is shown in other units than the seconds that it is measured in.
  unit_seconds = { Minutes = 60, Hours = 3600 }

  # Two in a row, from top to bottom: waiting instances, durations, outcomes, errors. A line with an id is divided by the seconds of
  # its unit; a line with seconds alone is a duration that does not change.
  graphs = concat(local.graphs_of_all, [for graph in local.graphs_of_launches : graph if local.some_admit])
  graphs_of_launches = [
    {
      title = "From the launch of an instance to its ready node"
      unit  = "Minutes"
      lines = [
        { id = "median", metric = "NodeReady", stat = "p50", label = "p50" },
        { id = "most", metric = "NodeReady", stat = "p90", label = "p90" },
      ]
    },
    {
      title = "Instances on their way into service"
      unit  = "Count"
      lines = [
        { metric = "InstancesJoining", stat = "Maximum", label = "waiting" },
        { metric = "InstancesAdmitted", stat = "Sum", label = "put into service" },
        { metric = "InstancesAbandoned", stat = "Sum", label = "abandoned" },
      ]
    },
  ]
  graphs_of_all = [
    {
      title = "Waiting instances"
      unit  = "Count"
      lines = [{ metric = "InstancesWaiting", stat = "Maximum", label = "waiting" }]
    },
    {
      title = "The oldest wait"
      unit  = "Hours"
      # Lines, not annotations: the labels of annotations that are a kill margin apart overprint each other.
      lines = concat(
        [{ id = "wait", metric = "OldestWait", stat = "Maximum", label = "the oldest wait" }],
        [for place, each in local.group_deadlines : { seconds = each.deadline, label = "drain deadline${local.several ? ": ${local.deadline_labels[place]}" : ""}", color = local.orange }],
        [for place, each in local.group_times : { seconds = "(${each.deadline} + ${each.margin})", label = "the drain is forced${local.several ? ": ${local.labels[place]}" : ""}", color = local.red }],
      )
    },
    {
      title = "From the start of a drain to an empty node"
      unit  = "Minutes"
      lines = [
        { id = "median", metric = "TimeToDrain", stat = "p50", label = "p50" },
        { id = "most", metric = "TimeToDrain", stat = "p90", label = "p90" },
        { id = "longest", metric = "TimeToDrain", stat = "Maximum", label = "longest" },
      ]
    },
    {
      title = "From an empty node to the release of its instance"
      unit  = "Seconds"
      lines = [
        { metric = "WaitAfterEmpty", stat = "p50", label = "p50" },
        { metric = "WaitAfterEmpty", stat = "p90", label = "p90" },
        { metric = "WaitAfterEmpty", stat = "Maximum", label = "longest" },
      ]
    },
    {
      title = "How waits ended"
      unit  = "Count"
      lines = [
        { metric = "Drained", stat = "Sum", color = local.green, label = "everything had finished" },
        { metric = "InstanceGone", stat = "Sum", color = local.grey, label = "EC2 had terminated it already" },
        { metric = "NotANode", stat = "Sum", color = local.blue, label = "never a Nomad node" },
        { metric = "NodeLost", stat = "Sum", color = local.brown, label = "the node was down or gone" },
        { metric = "Forced", stat = "Sum", color = local.orange, label = "the drain deadline was reached" },
        { metric = "TimedOut", stat = "Sum", color = local.red, label = "the time was up" },
      ]
      more = { stacked = true }
    },
    {
      title = "Problems during waits"
      unit  = "Count"
      lines = [
        { metric = "AllocationsKilled", stat = "Sum", label = "allocations killed" },
        { metric = "DrainsStuck", stat = "Maximum", label = "drains stuck" },
        { metric = "InstancesUnserved", stat = "Maximum", label = "instances not served" },
      ]
    },
    {
      title = "Nomad"
      unit  = "Count"
      lines = [
        { metric = "NomadErrors", stat = "Sum", label = "failed requests" },
        { metric = "TokenTooNarrow", stat = "Maximum", label = "token too narrow (1) or not (0)" },
      ]
    },
    {
      title = "AWS"
      unit  = "Count"
      lines = [
        { metric = "HeartbeatsRefused", stat = "Sum", label = "heartbeats refused" },
        { metric = "EventsLost", stat = "Sum", label = "events lost" },
        { queue = aws_sqs_queue.failed_runs.name, label = "failed runs" },
        { queue = aws_sqs_queue.undelivered_events.name, label = "undelivered events" },
      ]
    },
  ]

  # Log records about them. The first has the last word of each instance in the records that end a run, of those that still wait.
  records = [
    {
      title = "Waiting instances, and why"
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
      title = "Released instances, and why"
      query = [
        "filter message = \"instance released\"",
        "fields @timestamp, instanceId, group, nodeId, outcome, because",
        "sort @timestamp desc",
        "limit 100",
      ]
    },
  ]

  # What to run and read first: those that the runbook pages someone for.
  paged = ["SweepMissing", "HeartbeatsRefused", "NomadUnreachable", "TokenTooNarrow", "OldestWait"]
  links = join("\n\n", [
    "**[Runbook](${var.runbook_url})**: [A normal day](${var.runbook_url}#a-normal-day)",
    "**Page someone**: ${join(", ", [for name in local.paged : "[${name}](${var.runbook_url}#${lower(name)})"])}",
    "**Run first**: `nomad-drain-hook status ${local.this_function}`",
  ])

  # The grid of CloudWatch has 24 columns.
  whole         = 24
  half          = 12
  links_width   = var.alarms ? 8 : local.whole
  top_height    = 5
  graph_height  = 6
  record_height = 7
  graphs_at     = local.top_height + local.record_height
  last_at       = local.graphs_at + local.graph_height * ceil(length(local.graphs) / 2)

  widgets = concat(
    [for title in ["Alarms"] : {
      type   = "alarm"
      width  = local.whole - local.links_width
      height = local.top_height
      x      = 0
      y      = 0
      properties = {
        title  = title
        alarms = [for condition in local.watched : aws_cloudwatch_metric_alarm.alarm[condition.name].arn]
      }
    } if var.alarms],
    [{
      type       = "text"
      width      = local.links_width
      height     = local.top_height
      x          = local.whole - local.links_width
      y          = 0
      properties = { markdown = local.links, background = "transparent" }
    }],
    slice(local.tables, 0, 1),
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
        metrics = concat([for line in graph.lines : concat(
          # What is calculated comes before what it is calculated from.
          [for label in [line.label] : [{ for option, value in {
            label      = label
            color      = try(line.color, null)
            expression = "${try(line.id, "TIME_SERIES(${try(line.seconds, 0)}")} / ${local.unit_seconds[graph.unit]}${can(line.id) ? "" : ")"}"
            period     = 60
          } : option => value if value != null }] if can(line.id) || can(line.seconds)],
          [for line in [line] : concat(
            can(line.queue) ? ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", line.queue] : [
              local.namespace, line.metric, "FunctionName", local.dimensions.FunctionName, "service", local.dimensions.service,
            ],
            [{ for option, value in {
              id      = try(line.id, null)
              visible = can(line.id) ? false : null
              label   = can(line.id) ? null : line.label
              stat    = try(line.stat, "Maximum")
              period  = can(line.queue) ? null : 60
              color   = try(line.color, null)
            } : option => value if value != null }],
          ) if !can(line.seconds)],
        )]...)
        yAxis = { left = { min = 0, label = graph.unit, showUnits = false } }
      }, try(graph.more, {}))
    }],
    slice(local.tables, 1, 2),
  )
  tables = [for place, record in local.records : {
    type   = "log"
    width  = local.whole
    height = local.record_height
    x      = 0
    y      = place == 0 ? local.top_height : local.last_at
    properties = {
      view   = "table"
      title  = record.title
      region = local.region
      query  = "SOURCE '${aws_cloudwatch_log_group.log.name}' | ${join("\n| ", record.query)}"
    }
  }]
}

# Its name has the region: dashboards are of the whole account.
resource "aws_cloudwatch_dashboard" "dashboard" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${var.name}-${local.region}"
  dashboard_body = jsonencode({ start = "-PT12H", widgets = local.widgets })
}
