# The rules that invoke the function when an instance is about to go; each is made only if that is acted on. Events of EC2 and AWS
# Health name no group, so those of all instances of the account and region come.

locals {
  notice_rules = { for name, rule in {
    spot = !var.spot_interruptions ? null : {
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
    rebalance = var.rebalance_recommendations == null ? null : {
      description = "EC2 may interrupt a Spot instance soon: drain or cordon its Nomad node"
      pattern     = { source = ["aws.ec2"], "detail-type" = ["EC2 Instance Rebalance Recommendation"] }
      schedule    = null
      retries     = 2
      age_seconds = 3600
    }
    maintenance = !var.scheduled_maintenance ? null : {
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
