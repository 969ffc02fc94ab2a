# The configuration that the function reads, as JSON, from its environment: lambda/config/config.ts has its schema. What is null is
# left out, as the construct leaves it out: the environment of a function is small.

locals {
  nomad = { for field, value in {
    via               = var.nomad_via
    address           = var.nomad_address
    scheme            = local.by_clients ? local.client_scheme : null
    port              = local.by_clients ? local.client_port : null
    fallbackAddresses = length(var.nomad_fallback_addresses) > 0 ? var.nomad_fallback_addresses : null
    region            = var.nomad_region
    nodeMetaKey       = var.nomad_node_meta_key
    outsideEc2        = length(local.outside_ec2) > 0 ? local.outside_ec2 : null
    token             = var.nomad_token_parameter == null ? null : { parameter = var.nomad_token_parameter }
    login             = var.nomad_login == null ? null : { authMethod = var.nomad_login, audience = local.audience }
    ca                = var.nomad_ca_parameter == null ? null : { parameter = var.nomad_ca_parameter }
    clientCertificate = var.nomad_client_certificate_parameter == null ? null : { parameter = var.nomad_client_certificate_parameter }
    clientKey         = var.nomad_client_key_parameter == null ? null : { parameter = var.nomad_client_key_parameter }
    serverName        = var.nomad_server_name
    document          = local.by_ssm ? aws_ssm_document.ask_nomad[0].name : null
    gateway           = var.nomad_gateway
  } : field => value if value != null }

  outside_ec2 = { for field, names in {
    datacenters = var.outside_ec2_datacenters
    nodePools   = var.outside_ec2_node_pools
  } : field => names if length(names) > 0 }

  by_ssm        = var.nomad_via == "ssm"
  by_clients    = var.nomad_via == "clients"
  client_scheme = var.nomad_client_scheme == null ? "http" : var.nomad_client_scheme
  client_port   = var.nomad_client_port == null ? 4646 : var.nomad_client_port
  audience      = var.nomad_audience == null ? "nomad" : var.nomad_audience

  # Where anything is not by default.
  notices         = { for field, value in local.shared.notices : field => value if value != local.default_notices[field] }
  default_notices = { spot = true, rebalance = "off", maintenance = false, restoreSeconds = 3600 }

  chooses = { for field, value in {
    on                 = var.choose_idle_first ? true : null
    onlyIdle           = var.only_idle_for_seconds == null ? null : true
    onlyIdleForSeconds = var.only_idle_for_seconds
  } : field => value if value != null }

  # What a group that says nothing of it has: without a launching hook the defaults hold.
  default_admission = { on = false, readyTimeoutSeconds = 900, drivers = [], awaitSystemJobs = false, hook = "nomad-ready" }
  shared_admission = {
    on                  = var.admit_when_ready
    readyTimeoutSeconds = var.admit_when_ready ? var.ready_timeout_seconds : 900
    drivers             = [for driver in var.drivers : driver if var.admit_when_ready]
    awaitSystemJobs     = var.admit_when_ready && var.await_system_jobs
    hook                = var.launch_hook_name
  }
  admission = { for field, value in local.shared_admission : field => value if jsonencode(value) != jsonencode(local.default_admission[field]) }

  # Of a group that has options of its own what differs: the environment of a function is small.
  own_documents = { for name, terms in local.own_terms : name => {
    policy  = { for field, value in terms.policy : field => value if value != local.shared.policy[field] }
    notices = { for field, value in terms.notices : field => value if value != local.shared.notices[field] }
    chooses = { for field, value in {
      on                 = terms.chooses.on
      onlyIdle           = terms.chooses.on ? terms.chooses.onlyIdleForSeconds != null : null
      onlyIdleForSeconds = terms.chooses.on ? terms.chooses.onlyIdleForSeconds : null
    } : field => value if value != null && terms.chooses != local.shared.chooses }
    admission = { for field, value in terms.admission : field => value
      if(field == "on" || terms.admission.on) && jsonencode(value) != jsonencode(local.shared_admission[field])
    }
    purge = terms.purge == local.shared.purge ? null : terms.purge
  } }

  events = { bus = var.event_bus == null ? "default" : var.event_bus }

  document = { for field, value in {
    # One hook for all groups, written once: that leaves room for more of them.
    groups = concat([for name in var.group_names : { name = name }], [for name, own in local.own_documents : merge(
      { name = name },
      { for part, fields in { policy = own.policy, notices = own.notices, chooses = own.chooses, admission = own.admission } : part => fields if length(fields) > 0 },
      { for purge in [own.purge] : "purge" => purge if purge != null },
    )])
    hook      = { name = var.hook_name, heartbeatTimeoutSeconds = var.heartbeat_timeout_seconds }
    nomad     = local.nomad
    policy    = local.shared.policy
    notices   = length(local.notices) > 0 ? local.notices : null
    chooses   = length(local.chooses) > 0 ? local.chooses : null
    admission = length(local.admission) > 0 ? local.admission : null
    purge     = var.purge_nodes ? true : null
    events    = local.events
  } : field => value if value != null }
}
