# The function that Auto Scaling asks which instances go: the same code, kept warm, because it has two seconds and sweeps keep the
# other one busy. Nothing of it needs `group_names`, so that such a group may be made after it, with the permission there already.

locals {
  who_goes_environment = { NOMAD_DRAIN_HOOK = jsonencode({
    groups = [for each in concat([{ name = "*", wait = local.wait_of_any }], [
      for name, terms in local.own_terms : { name = name, wait = terms.chooses.onlyIdleForSeconds }
      if terms.chooses.on && terms.chooses.onlyIdleForSeconds != local.wait_of_any
      ]) : {
      name    = each.name
      hook    = var.hook_name
      chooses = merge({ on = true }, { for field, value in { onlyIdle = true, onlyIdleForSeconds = each.wait } : field => value if each.wait != null })
    }]
    nomad  = local.nomad
    events = local.events
  }) }

  # In seconds; null: it does not wait. Of groups that are not named: as for all groups, or as the first that asks.
  wait_of_any = var.choose_idle_first ? var.only_idle_for_seconds : try([for terms in values(local.own_terms) : terms.chooses.onlyIdleForSeconds if terms.chooses.on][0], null)

  # It completes no lifecycle action, and changes nothing in AWS.
  who_goes_policy = jsonencode({ Version = "2012-10-17", Statement = concat(local.reach_statements, [local.tell_statement]) })

  service_linked_role = join("_", compact(["AWSServiceRoleForAutoScaling", var.service_linked_role_suffix]))
}

resource "aws_iam_role" "who_goes" {
  count = local.some_choose ? 1 : 0

  name_prefix          = "${substr(var.name, 0, 28)}-who-goes-"
  path                 = var.role_path
  description          = "What the function that says which instances go may do"
  assume_role_policy   = local.assumed_by_lambda
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "who_goes" {
  count = local.some_choose ? 1 : 0

  name   = "who-goes"
  role   = aws_iam_role.who_goes[0].name
  policy = local.who_goes_policy
}

resource "aws_lambda_function" "who_goes" {
  #checkov:skip=CKV_AWS_50:Its log says what was asked and how long it took; there is nothing else to trace.
  #checkov:skip=CKV_AWS_115:A limit on concurrent runs would delay drains; runs that overlap do no harm.
  #checkov:skip=CKV_AWS_116:A failed run goes to a queue as its destination, with the error; Auto Scaling chooses by itself when it gets no answer.
  #checkov:skip=CKV_AWS_117:Nomad may be reachable without a VPC; where it is not, the function gets subnets.
  #checkov:skip=CKV_AWS_173:The variables hold no secret, only names of parameters; Lambda encrypts them with its own key.
  #checkov:skip=CKV_AWS_272:Signing needs a profile of yours; the checksum of the code is checked instead.
  count = local.some_choose ? 1 : 0

  function_name = "${var.name}-who-goes"
  description   = "Chooses which instances Auto Scaling terminates: idle Nomad clients first"
  role          = aws_iam_role.who_goes[0].arn

  filename          = local.package.file
  s3_bucket         = local.package.s3_bucket
  s3_key            = local.package.s3_key
  s3_object_version = local.package.s3_object_version
  source_code_hash  = local.code_hash

  runtime       = local.runtime
  handler       = local.handler
  architectures = [local.architecture]
  # It has two seconds, and mostly computes.
  memory_size = 512
  # Auto Scaling waits two seconds. The rest is for a cold start that the rule below brings about.
  timeout = 5

  tags = var.tags

  environment {
    variables = local.who_goes_environment
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.log.name
  }

  dynamic "vpc_config" {
    for_each = local.in_vpc ? [var.subnet_ids] : []
    content {
      subnet_ids         = vpc_config.value
      security_group_ids = local.security_group_ids
    }
  }

  depends_on = [aws_iam_role_policy.who_goes]
}

resource "aws_cloudwatch_event_rule" "warm" {
  count = local.some_choose ? 1 : 0

  name                = "${var.name}-warm"
  description         = "Every 4 minutes: keeps the function that chooses instances warm"
  schedule_expression = "rate(4 minutes)"
  state               = "ENABLED"
  tags                = var.tags
}

# What is lost says nothing, and four minutes later it comes again: no queue for it.
resource "aws_cloudwatch_event_target" "warm" {
  count = local.some_choose ? 1 : 0

  rule      = aws_cloudwatch_event_rule.warm[0].name
  target_id = "function"
  arn       = aws_lambda_function.who_goes[0].arn
  input     = jsonencode({ command = "warm" })

  retry_policy {
    maximum_retry_attempts       = 0
    maximum_event_age_in_seconds = 60
  }
}

resource "aws_lambda_permission" "warm" {
  count = local.some_choose ? 1 : 0

  statement_id  = "warm"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.who_goes[0].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.warm[0].arn
}

resource "aws_lambda_permission" "auto_scaling" {
  count = local.some_choose ? 1 : 0

  statement_id  = "auto-scaling"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.who_goes[0].function_name
  principal     = "arn:${local.aws}:iam::${local.account}:role/aws-service-role/autoscaling.amazonaws.com/${local.service_linked_role}"
}
