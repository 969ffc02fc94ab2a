locals {
  account = data.aws_caller_identity.current.account_id
  # Provider 5 has the name as `name`, provider 6 as `region`, and warns of `name`; both have it as `id`.
  region   = data.aws_region.current.id
  aws      = data.aws_partition.current.partition
  log_arns = "${aws_cloudwatch_log_group.log.arn}:*"

  parameters = compact([
    var.nomad_token_parameter, var.nomad_ca_parameter, var.nomad_client_certificate_parameter, var.nomad_client_key_parameter,
  ])

  write_log = ["logs:CreateLogStream", "logs:PutLogEvents"]
  # By these the Lambda service attaches a function to subnets, with the function's role and on `*`:
  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
  attach_to_vpc = [
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
  ]

  # What the service does with it, the code itself may not: the condition key is there if the code asks.
  deny_attach_to_code = {
    Sid       = "DenyAttachToCode"
    Effect    = "Deny"
    Action    = ["ec2:*NetworkInterface*", "ec2:*PrivateIpAddresses"]
    Resource  = "*"
    Condition = { Null = { "lambda:SourceFunctionArn" = "false" } }
  }

  # Both functions write their log, reach Nomad and send events. Nothing here names a group: one may be made after the function that
  # says which of its instances go.
  reach_statements = [for statement in [
    { Sid = "WriteLog", Effect = "Allow", Action = local.write_log, Resource = local.log_arns },
    local.in_vpc ? { Sid = "AttachToVpc", Effect = "Allow", Action = local.attach_to_vpc, Resource = "*" } : null,
    local.in_vpc ? local.deny_attach_to_code : null,
    # The instances of the groups and their addresses. AWS has no resource-level permissions for it.
    local.by_clients ? {
      Sid      = "FindClients"
      Effect   = "Allow"
      Action   = ["autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeWarmPool", "ec2:DescribeInstances"]
      Resource = "*"
    } : null,
    # Only the parameters for the token and TLS. No listing, no history.
    length(local.parameters) > 0 ? {
      Sid      = "ReadNomadParameters"
      Effect   = "Allow"
      Action   = "ssm:GetParameters"
      Resource = [for name in local.parameters : "arn:${local.aws}:ssm:${local.region}:${local.account}:parameter/${trimprefix(name, "/")}"]
    } : null,
    # A customer key needs a grant; the account's own aws/ssm key does not.
    var.nomad_encryption_key_arn == null || length(local.parameters) == 0 ? null : {
      Effect   = "Allow"
      Action   = "kms:Decrypt"
      Resource = var.nomad_encryption_key_arn
    },
    # A signed identity of the function, for Nomad only. STS has no resource for it; the conditions limit it.
    var.nomad_login == null ? null : {
      Sid      = "ProveIdentity"
      Effect   = "Allow"
      Action   = "sts:GetWebIdentityToken"
      Resource = "*"
      Condition = {
        "ForAllValues:StringEquals" = { "sts:IdentityTokenAudience" = [local.audience] }
        NumericLessThanEquals       = { "sts:DurationSeconds" = 300 }
        # The set operator holds for a request that names no audience at all.
        Null = { "sts:IdentityTokenAudience" = "false" }
      }
    },
  ] : statement if statement != null]

  # Consumers trust the source of an event, so the function may use its own source only. The condition key has the sources of
  # all entries of a request, hence the set operator; it is true for no source at all, hence Null.
  tell_statement = {
    Sid      = "TellEvents"
    Effect   = "Allow"
    Action   = "events:PutEvents"
    Resource = startswith(local.events.bus, "arn:") ? local.events.bus : "arn:${local.aws}:events:${local.region}:${local.account}:event-bus/${local.events.bus}"
    Condition = {
      "ForAllValues:StringEquals" = { "events:source" = "nomad-drain-hook" }
      Null                        = { "events:source" = "false" }
    }
  }

  # One statement per concern; docs/security.md has the reason of each.
  statements = [for statement in concat([
    # The only writes: complete a lifecycle action or record a heartbeat, in these groups only. The ARN of a group has an id in
    # it that its name does not tell.
    {
      Sid       = "AnswerLifecycleHook"
      Effect    = "Allow"
      Action    = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"]
      Resource  = [for name in local.group_names : "arn:*:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/${name}"]
      Condition = { StringEquals = { "aws:RequestedRegion" = local.region } }
    },
    # Which instances wait, since when, for which hook. Auto Scaling has no resource-level permissions for Describe actions.
    {
      Sid    = "ReadAutoScaling"
      Effect = "Allow"
      Action = [
        "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeLifecycleHooks",
        "autoscaling:DescribeScalingActivities", "autoscaling:DescribeWarmPool",
      ]
      Resource = "*"
    },
    # Whether an instance still runs, and its addresses, which identify its Nomad node. No resource-level permission.
    { Sid = "ReadInstances", Effect = "Allow", Action = "ec2:DescribeInstances", Resource = "*" },
    # Which maintenance is scheduled for them. No resource-level permission.
    local.acted_on.maintenance ? { Sid = "ReadMaintenance", Effect = "Allow", Action = "ec2:DescribeInstanceStatus", Resource = "*" } : null,
    # Which of them EC2 interrupts, should its warning be lost. No resource-level permission.
    local.acted_on.spot ? { Sid = "ReadSpotRequests", Effect = "Allow", Action = "ec2:DescribeSpotInstanceRequests", Resource = "*" } : null,
    ], local.reach_statements, [
    # ssm:SendCommand needs permission for both, the document and the instance.
    local.by_ssm ? {
      Sid      = "AskOnlyThis"
      Effect   = "Allow"
      Action   = "ssm:SendCommand"
      Resource = "arn:${local.aws}:ssm:${local.region}:${local.account}:document/${aws_ssm_document.ask_nomad[0].name}"
    } : null,
    # Instances come and go; the condition holds it to those that bear the tag.
    local.by_ssm ? {
      Sid      = "AskOnlyThere"
      Effect   = "Allow"
      Action   = "ssm:SendCommand"
      Resource = "arn:${local.aws}:ec2:${local.region}:${local.account}:instance/*"
      Condition = {
        StringEquals = var.nomad_gateway == null ? {
          "ssm:resourceTag/aws:autoscaling:groupName" = local.group_names
          } : {
          "ssm:resourceTag/${var.nomad_gateway.tag}" = [var.nomad_gateway.value]
        }
      }
    } : null,
    # The output of a command. AWS has no resource-level permission for it.
    local.by_ssm ? { Sid = "ReadAnswers", Effect = "Allow", Action = "ssm:GetCommandInvocation", Resource = "*" } : null,
    local.tell_statement,
    # The event and the error of a failed run.
    {
      Effect   = "Allow"
      Action   = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
      Resource = aws_sqs_queue.failed_runs.arn
    },
  ]) : statement if statement != null]

  assumed_by_lambda = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })

  function_policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

# Its name has a suffix: roles are of the whole account, and the function may run in several regions.
resource "aws_iam_role" "function" {
  name_prefix          = "${var.name}-"
  path                 = var.role_path
  description          = "What the Nomad drain hook may do"
  assume_role_policy   = local.assumed_by_lambda
  permissions_boundary = var.permissions_boundary
  tags                 = var.tags
}

resource "aws_iam_role_policy" "function" {
  name   = "function"
  role   = aws_iam_role.function.name
  policy = local.function_policy

  lifecycle {
    # What the names of the groups are needed for: nothing that a group may be made after has it.
    precondition {
      condition     = length(local.group_names) > 0
      error_message = "group_names: must name at least one group."
    }
    precondition {
      condition     = length(local.named_twice) == 0
      error_message = "groups: a group is named in group_names too: ${join(", ", [for name in local.named_twice : jsonencode(name)])}."
    }
    precondition {
      condition     = length(local.beyond_hook) == 0
      error_message = join(" ", local.beyond_hook)
    }
    precondition {
      # Of all inline policies of a role together: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
      condition     = length(local.function_policy) <= 10240
      error_message = "group_names: the inline policies of the function's role would have more than the 10240 characters that IAM takes. Use this module several times, with some of the groups each."
    }
  }
}
