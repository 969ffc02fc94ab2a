data "aws_region" "current" {}

data "aws_caller_identity" "current" {}

locals {
  # Both functions are the same code, and run in the same way.
  runtime      = var.runtime == null ? local.newest_runtime : var.runtime
  handler      = "index.handler"
  architecture = "arm64"

  # Provider 5 refuses nodejs24.x, which it does not know; Node 22 runs the code as well. Terraform has no function that tells the
  # provider's version, but only provider 6 has the attribute `region`. By another name, because a reference to the data source itself
  # is checked before `can` is evaluated.
  of_region      = data.aws_region.current
  newest_runtime = can(local.of_region.region) ? "nodejs24.x" : "nodejs22.x"

  # The checksum in base64, as Lambda has it: three hexadecimal digits are two of its characters.
  base64    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  digits    = "${local.package.sha256}00"
  pairs     = [for place in range(22) : parseint(substr(local.digits, 3 * place, 3), 16)]
  code_hash = "${substr(join("", [for pair in local.pairs : "${substr(local.base64, floor(pair / 64), 1)}${substr(local.base64, pair % 64, 1)}"]), 0, 43)}="

  environment = { NOMAD_DRAIN_HOOK = jsonencode(local.document) }
}

resource "aws_lambda_function" "function" {
  #checkov:skip=CKV_AWS_50:Its log says what was asked and how long it took; there is nothing else to trace.
  #checkov:skip=CKV_AWS_115:A limit on concurrent runs would delay drains; runs that overlap do no harm.
  #checkov:skip=CKV_AWS_116:A failed run goes to a queue as its destination, with the error; Auto Scaling chooses by itself when it gets no answer.
  #checkov:skip=CKV_AWS_117:Nomad may be reachable without a VPC; where it is not, the function gets subnets.
  #checkov:skip=CKV_AWS_173:The variables hold no secret, only names of parameters; Lambda encrypts them with its own key.
  #checkov:skip=CKV_AWS_272:Signing needs a profile of yours; the checksum of the code is checked instead.
  function_name = var.name
  description   = "Drains the Nomad nodes of instances that Auto Scaling terminates"
  role          = aws_iam_role.function.arn

  filename          = local.package.file
  s3_bucket         = local.package.s3_bucket
  s3_key            = local.package.s3_key
  s3_object_version = local.package.s3_object_version
  source_code_hash  = local.code_hash

  runtime       = local.runtime
  handler       = local.handler
  architectures = [local.architecture]
  memory_size   = var.memory_size
  # A sweep that waits takes about 56 s, and up to 65 s where Nomad or AWS is silent.
  timeout = 67

  # By it the command line finds the function.
  tags = merge(var.tags, { nomad-drain-hook = "function" })

  environment {
    variables = local.environment
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

  # It refers to the role alone, and needs what the role may do.
  depends_on = [aws_iam_role_policy.function]

  lifecycle {
    precondition {
      condition     = local.package.file != null || local.package.s3_key != null
      error_message = "package: is missing. Only the module of a release brings the function; with any other give the zip file of a release, and its checksum."
    }
    precondition {
      condition     = local.package.file == null ? true : filesha256(local.package.file) == local.package.sha256
      error_message = "package: the file has another checksum than sha256 says. Download it again, and compare it with the checksum file of the release."
    }
    precondition {
      # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
      condition     = length(jsonencode(local.environment)) <= 4096
      error_message = "group_names: the environment of the function would be ${length(jsonencode(local.environment))} bytes, Lambda takes 4096. About ${max(0, floor(length(local.group_names) * (1 - (length(jsonencode(local.environment)) - 4096) / length(jsonencode(jsonencode(local.document.groups))))))} of the groups (${length(local.group_names)}) fit: use this module several times, with some of the groups each, or give them fewer options of their own."
    }
  }
}

resource "aws_lambda_function_event_invoke_config" "function" {
  function_name = aws_lambda_function.function.function_name
  qualifier     = "$LATEST"
  # Lambda would retry a failed run after a minute, at the same time as a sweep that does the same work.
  maximum_retry_attempts = 0
  # What was throttled for so long has been done by a later sweep. Its event goes to the queue of failed runs.
  maximum_event_age_in_seconds = 300

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failed_runs.arn
    }
  }
}

# For those who may ask and not drain: through it the function answers queries, and does nothing else.
resource "aws_lambda_alias" "query" {
  name             = "query"
  description      = "Answers queries only: for those who may query and not drain"
  function_name    = aws_lambda_function.function.function_name
  function_version = "$LATEST"
}
