resource "aws_cloudwatch_log_group" "log" {
  #checkov:skip=CKV_AWS_158:It holds no secret; CloudWatch Logs encrypts it with its own key.
  #checkov:skip=CKV_AWS_338:A drain is explained within days; log_retention_days keeps the log longer.
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}
