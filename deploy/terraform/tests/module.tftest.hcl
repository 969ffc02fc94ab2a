# `terraform init && terraform test`, in the folder of the module: what it makes of its variables, without an AWS account.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }

  # The provider checks what it is given as an ARN, also while it is mocked.
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/nomad-drain-hook" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:nomad-drain-hook" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:eu-west-1:111122223333:nomad-drain-hook" }
  }
  mock_resource "aws_cloudwatch_event_rule" {
    defaults = { arn = "arn:aws:events:eu-west-1:111122223333:rule/nomad-drain-hook" }
  }
}

variables {
  package = {
    s3_bucket = "releases"
    s3_key    = "nomad-drain-hook-0.1.0.zip"
    sha256    = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  }
  group_names   = ["builders", "runners"]
  nomad_address = "https://nomad.internal:4646"
}

run "each_group_has_the_hook" {
  command = plan

  assert {
    condition     = toset([for hook in aws_autoscaling_lifecycle_hook.hook : hook.autoscaling_group_name]) == toset(["builders", "runners"])
    error_message = "There must be a hook in each group."
  }
  assert {
    condition     = alltrue([for hook in aws_autoscaling_lifecycle_hook.hook : hook.name == "nomad-drain" && hook.default_result == "CONTINUE"])
    error_message = "The hooks must be as by default."
  }
}

run "only_what_is_asked_for_is_made" {
  command = plan

  assert {
    condition     = length(aws_lambda_function.who_goes) == 0 && length(aws_security_group.function) == 0 && length(aws_vpc_endpoint.endpoint) == 0 && length(aws_ssm_document.ask_nomad) == 0
    error_message = "No second function, no network and no document are made by default."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.alarm) == 15 && length(aws_cloudwatch_dashboard.dashboard) == 1
    error_message = "The alarms and the dashboard are made by default."
  }
  assert {
    condition     = output.who_goes_function_arn == null
    error_message = "There is no function to ask by default."
  }
}

run "the_checksum_is_told_to_lambda_in_base64" {
  command = plan

  assert {
    condition     = aws_lambda_function.function.source_code_hash == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    error_message = "The checksum must be the same in base64."
  }
}

run "alarms_follow_the_deadline" {
  command = plan
  variables {
    deadline_seconds    = 1200
    kill_margin_seconds = 60
  }

  assert {
    condition     = strcontains(aws_cloudwatch_metric_alarm.alarm["OldestWait"].alarm_description, "(1200 s + 60 s)") && aws_cloudwatch_metric_alarm.alarm["DrainStuck"].evaluation_periods == 5
    error_message = "The thresholds must follow from the settings."
  }
}

run "a_group_has_options_of_its_own" {
  command = plan
  variables {
    groups = {
      web = { deadline_seconds = 600, on_timeout = "ABANDON", choose_idle_first = true }
      api = {}
    }
  }

  assert {
    condition     = { for name, hook in aws_autoscaling_lifecycle_hook.hook : name => hook.default_result } == { api = "CONTINUE", builders = "CONTINUE", runners = "CONTINUE", web = "ABANDON" }
    error_message = "Each group must have a hook, with its own result."
  }
  assert {
    condition     = strcontains(aws_cloudwatch_metric_alarm.alarm["OldestWait"].alarm_description, "21600 s + 300 s in builders, runners, api; 600 s + 300 s in web")
    error_message = "The alarm must have the times of each group."
  }
  assert {
    condition     = length(aws_lambda_function.who_goes) == 1 && strcontains(output.who_goes_ask_no_more_command, "for group in 'web'; do")
    error_message = "The group alone must ask which instances go."
  }
}

run "an_option_that_no_group_has_is_refused" {
  command = plan
  variables {
    groups = ["api", { group = "web", dedline_seconds = 600 }]
  }

  expect_failures = [data.aws_partition.current]
}

run "what_the_account_requires_is_on_all_roles_and_resources" {
  command = plan
  variables {
    choose_idle_first    = true
    runtime              = "nodejs22.x"
    tags                 = { team = "builds" }
    permissions_boundary = "arn:aws:iam::111122223333:policy/boundary"
    role_path            = "/nomad/"
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.function, aws_iam_role.who_goes[0]] : role.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary" && role.path == "/nomad/"])
    error_message = "Both roles must have the boundary and the path."
  }
  assert {
    condition     = aws_lambda_function.function.tags == tomap({ team = "builds", nomad-drain-hook = "function" }) && aws_sqs_queue.failed_runs.tags == tomap({ team = "builds" })
    error_message = "The tags must be on the resources, beside the one that the command line needs."
  }
  assert {
    condition     = aws_lambda_function.function.runtime == "nodejs22.x" && aws_lambda_function.who_goes[0].runtime == "nodejs22.x"
    error_message = "Both functions must have the runtime that is given."
  }
}

run "a_hook_that_cannot_hold_the_drain_is_refused" {
  command = plan
  variables {
    deadline_seconds          = 7200
    heartbeat_timeout_seconds = 60
  }

  expect_failures = [aws_iam_role_policy.function, check.short_hook]
}

run "the_secret_itself_is_refused" {
  command = plan
  variables {
    nomad_token_parameter = "6f2f2b4e-8a2a-4d6e-9c52-1f1d2a3b4c5d"
  }

  expect_failures = [var.nomad_token_parameter]
}

run "a_parameter_is_named_by_its_path_without_a_version" {
  command = plan
  variables {
    nomad_token_parameter = "/nomad/drain-token:3"
    nomad_ca_parameter    = "nomad/ca"
  }

  expect_failures = [var.nomad_token_parameter, var.nomad_ca_parameter]
}

run "a_group_name_that_iam_takes_for_a_pattern_is_refused" {
  command = plan
  variables {
    group_names = ["builders-*"]
  }

  expect_failures = [var.group_names]
}

run "through_instances_nothing_is_warned_of" {
  command = plan
  variables {
    nomad_via     = "ssm"
    nomad_address = null
  }

  assert {
    condition     = length(aws_ssm_document.ask_nomad) == 1
    error_message = "The Command document must be made."
  }
}

run "it_can_be_made" {
  command = apply
  variables {
    choose_idle_first = true
    test_events       = true
  }

  assert {
    condition     = output.status_command == "aws lambda invoke --region eu-west-1 --function-name nomad-drain-hook:query --cli-binary-format raw-in-base64-out --payload '{\"command\":\"status\"}' /dev/stdout"
    error_message = "The status command must name the function and the region."
  }
  assert {
    condition     = output.dashboard_url == "https://console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard/nomad-drain-hook-eu-west-1"
    error_message = "The URL must be that of the dashboard."
  }
}
