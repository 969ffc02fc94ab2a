# A group of this configuration with Spot instances. EC2's warnings start drains, an instance at risk gets no new builds, and on
# scale-in idle instances go first.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "launch_template_id" {
  description = "The launch template of the Nomad clients."
  type        = string
}

variable "subnet_ids" {
  description = "The subnets of the Nomad clients."
  type        = list(string)
}

resource "aws_autoscaling_group" "builders" {
  # Not a name_prefix: the name must be known when Terraform plans.
  name                = "builders"
  min_size            = 0
  max_size            = 20
  vpc_zone_identifier = var.subnet_ids
  capacity_rebalance  = true

  tag {
    key                 = "Name"
    value               = "nomad-client"
    propagate_at_launch = true
  }

  mixed_instances_policy {
    instances_distribution {
      on_demand_percentage_above_base_capacity = 0
      spot_allocation_strategy                 = "price-capacity-optimized"
    }
    launch_template {
      launch_template_specification {
        launch_template_id = var.launch_template_id
      }
    }
  }

  # Made after the function, which needs no group.
  termination_policies = [module.nomad_drain_hook.who_goes_function_arn, "Default"]
}

module "nomad_drain_hook" {
  source = "../.."

  package = {
    file   = "${path.module}/nomad-drain-hook-0.1.0.zip"
    sha256 = "0000000000000000000000000000000000000000000000000000000000000000" # as nomad-drain-hook-0.1.0.zip.sha256 has it
  }

  group_names           = [aws_autoscaling_group.builders.name]
  nomad_address         = "https://nomad.example.com:4646"
  nomad_token_parameter = "/nomad/drain-token"

  spot_interruptions        = true # as by default
  rebalance_recommendations = "cordon"
  scheduled_maintenance     = true
  restore_after_seconds     = 1800
  choose_idle_first         = true
}
