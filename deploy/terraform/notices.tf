# The rules that invoke the function when an instance is about to go; each is made only if a group acts on that. Events of EC2 and AWS
# Health name no group, so those of all instances of the account and region come.

locals {
  acted_on = {
    spot        = anytrue([for name in local.group_names : local.terms[name].notices.spot])
    rebalance   = anytrue([for name in local.group_names : local.terms[name].notices.rebalance != "off"])
    maintenance = anytrue([for name in local.group_names : local.terms[name].notices.maintenance])
  }

  notice_rules = { for name, rule in {
    spot = !local.acted_on.spot ? null : {
      description = "EC2 interrupts an instance in two minutes: drain its Nomad node"
      pattern = {
        source        = ["aws.ec2"]
        "detail-type" = ["EC2 Spot Instance Interruption Warning", "EC2 Capacity Reservation Instance Interruption Warning"]
      }
      schedule = null
      retries  = 2
      # Two minutes after the warning the instance is gone.
      age_seconds = 120
    }
    rebalance = !local.acted_on.rebalance ? null : {
      description = "EC2 may interrupt a Spot instance soon: drain or cordon its Nomad node"
      pattern     = { source = ["aws.ec2"], "detail-type" = ["EC2 Instance Rebalance Recommendation"] }
      schedule    = null
      retries     = 2
      age_seconds = 3600
    }
    maintenance = !local.acted_on.maintenance ? null : {
      description = "Maintenance of an instance is scheduled: drain its Nomad node in time"
      pattern = {
        source        = ["aws.health"]
        "detail-type" = ["AWS Health Event"]
        detail = {
          service           = ["EC2"]
          eventTypeCategory = ["scheduledChange"]
          eventTypeCode     = [for prefix in ["AWS_EC2_INSTANCE_", "AWS_EC2_PERSISTENT_INSTANCE_", "AWS_EC2_SYSTEM_"] : { prefix = prefix }]
        }
      }
      schedule = null
      retries  = 4
      # It is announced days before it starts.
      age_seconds = 86400
    }
  } : name => rule if rule != null }
}
