locals {
  fourteen_days = 14 * 24 * 3600
  # Over TLS only.
  refuse_plain = { Effect = "Deny", Principal = { AWS = "*" }, Action = "sqs:*", Condition = { Bool = { "aws:SecureTransport" = "false" } } }
}

# Runs that failed, or were throttled for 5 minutes: each message has the event and the error. A sweep does their work.
resource "aws_sqs_queue" "failed_runs" {
  name                      = "${var.name}-failed-runs"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = local.fourteen_days
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "failed_runs" {
  queue_url = aws_sqs_queue.failed_runs.url
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge(local.refuse_plain, { Resource = aws_sqs_queue.failed_runs.arn })]
  })
}

# Events that EventBridge could not deliver to Lambda.
resource "aws_sqs_queue" "undelivered_events" {
  name                      = "${var.name}-undelivered-events"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = local.fourteen_days
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "undelivered_events" {
  queue_url = aws_sqs_queue.undelivered_events.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [merge(local.refuse_plain, { Resource = aws_sqs_queue.undelivered_events.arn })],
      [for rule in aws_cloudwatch_event_rule.rule : {
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.undelivered_events.arn
        Condition = { ArnEquals = { "aws:SourceArn" = rule.arn } }
      }],
    )
  })
}
