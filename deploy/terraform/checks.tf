# What the settings need of each other: what does not fit together is refused when Terraform plans. The limits of a single setting stand
# with its variable. Nothing here needs group_names: everything needs this data source, and a group may be made after the function that
# it asks.

data "aws_partition" "current" {
  lifecycle {
    precondition {
      condition     = local.by_ssm || local.by_clients || var.nomad_address != null
      error_message = "nomad_address: missing."
    }
    precondition {
      condition     = !local.by_clients || (var.nomad_address == null && length(var.nomad_fallback_addresses) == 0)
      error_message = "nomad_via = \"clients\": nomad_address and nomad_fallback_addresses have no meaning with it. The clients of the groups are found by their private addresses."
    }
    precondition {
      condition     = local.by_clients || (var.nomad_client_scheme == null && var.nomad_client_port == null)
      error_message = "nomad_client_scheme, nomad_client_port: need nomad_via = \"clients\"."
    }
    precondition {
      condition     = !local.by_clients || local.in_vpc
      error_message = "subnet_ids: missing: the private addresses of Nomad clients are reachable from inside a VPC alone."
    }
    precondition {
      condition = !local.by_ssm || length(compact([
        var.nomad_address, var.nomad_token_parameter, var.nomad_login, var.nomad_ca_parameter,
        var.nomad_client_certificate_parameter, var.nomad_client_key_parameter, var.nomad_server_name,
        var.nomad_encryption_key_arn, join(",", var.nomad_fallback_addresses),
      ])) == 0
      error_message = "nomad_via = \"ssm\": nomad_address, nomad_fallback_addresses, nomad_token_parameter, nomad_login, nomad_ca_parameter, nomad_client_certificate_parameter, nomad_client_key_parameter, nomad_server_name and nomad_encryption_key_arn have no meaning with it. The instances themselves are configured for Nomad."
    }
    precondition {
      condition     = local.by_ssm || var.nomad_gateway == null
      error_message = "nomad_gateway: needs nomad_via = \"ssm\"."
    }
    precondition {
      condition     = var.nomad_token_parameter == null || var.nomad_login == null
      error_message = "nomad_login: there is a nomad_token_parameter too: one of the two."
    }
    precondition {
      condition     = var.nomad_audience == null || var.nomad_login != null
      error_message = "nomad_audience: belongs to nomad_login, which is missing."
    }
    precondition {
      condition     = (var.nomad_client_certificate_parameter == null) == (var.nomad_client_key_parameter == null)
      error_message = "nomad_client_certificate_parameter, nomad_client_key_parameter: a certificate needs its key, and a key its certificate."
    }
    precondition {
      condition     = local.secure || length(compact([var.nomad_client_certificate_parameter, var.nomad_client_key_parameter, var.nomad_server_name])) == 0
      error_message = "nomad_client_certificate_parameter, nomad_client_key_parameter, nomad_server_name: need an https:// address, or nomad_client_scheme = \"https\"."
    }
    precondition {
      condition     = local.by_clients || alltrue([for address in var.nomad_fallback_addresses : startswith(address, "https:") == local.secure])
      error_message = "nomad_fallback_addresses: not of the same scheme as nomad_address."
    }
    precondition {
      condition     = length(local.group_problems) == 0
      error_message = join(" ", local.group_problems)
    }
    precondition {
      condition     = var.restore_after_seconds == null || anytrue([for terms in local.all_terms : terms.notices.rebalance != "off" || terms.notices.maintenance])
      error_message = "restore_after_seconds: needs rebalance_recommendations or scheduled_maintenance: nothing else is restored after it."
    }
    precondition {
      condition     = !var.choose_idle_first || !local.by_ssm
      error_message = "choose_idle_first: Nomad must be reached over HTTP: through instances no answer comes within the two seconds that Auto Scaling waits."
    }
    precondition {
      condition     = local.some_choose || var.only_idle_for_seconds == null
      error_message = "only_idle_for_seconds: needs choose_idle_first."
    }
    precondition {
      condition     = local.some_choose || var.service_linked_role_suffix == null
      error_message = "service_linked_role_suffix: needs choose_idle_first."
    }
    precondition {
      condition     = !local.some_admit || var.launch_hook_name != var.hook_name
      error_message = "launch_hook_name: must differ from hook_name: ${var.hook_name}."
    }
    precondition {
      condition     = var.test_events || !var.create_test_event_registry
      error_message = "create_test_event_registry: needs test_events."
    }
    precondition {
      condition     = local.in_vpc || (length(var.security_group_ids) == 0 && var.vpc_id == null && !var.vpc_endpoints)
      error_message = "vpc_id, security_group_ids, vpc_endpoints: no subnet_ids given."
    }
    precondition {
      condition     = !local.in_vpc || var.vpc_id != null || (length(var.security_group_ids) > 0 && !var.vpc_endpoints)
      error_message = "vpc_id: missing: a security group of the function's own, and endpoints, are made in it."
    }
  }
}

locals {
  secure = local.by_clients ? local.client_scheme == "https" : (var.nomad_address == null ? false : startswith(var.nomad_address, "https:"))
}

check "short_hook" {
  assert {
    condition     = var.heartbeat_timeout_seconds >= 120
    error_message = "heartbeat_timeout_seconds: a hook of ${var.heartbeat_timeout_seconds} s may lapse before a sweep comes. The run of the event bridges that, but EventBridge may lose an event, and the instance is then ended with its builds. Give it 2 minutes or more."
  }
}

check "plain_http" {
  assert {
    condition     = local.by_ssm || local.secure || (var.nomad_address == null && !local.by_clients)
    error_message = "${local.by_clients ? "nomad_client_scheme" : "nomad_address"}: Nomad is reached over plain HTTP: the ACL token and every answer cross the network unencrypted. Use https."
  }
}
