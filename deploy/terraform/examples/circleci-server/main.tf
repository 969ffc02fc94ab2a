# The Nomad clients of CircleCI Server whose Nomad servers run in Kubernetes, the default: the function asks the clients of the group.
# Use it beside CircleCI's module nomad-aws, whose outputs are the first input: docs/circleci-server.md has the other ways in.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "circleci" {
  description = "CircleCI's module nomad-aws as a whole: `circleci = module.nomad`."
  type = object({
    nomad_asg_name = string
  })
}

variable "basename" {
  description = "The `basename` that CircleCI's module has."
  type        = string
}

variable "vpc_id" {
  description = "The VPC of the clients, as CircleCI's module has it."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of that VPC with a NAT gateway: those of the Kubernetes nodes have one."
  type        = list(string)
}

module "nomad_drain_hook" {
  source = "../.."

  package = {
    file   = "${path.module}/nomad-drain-hook-0.1.0.zip"
    sha256 = "0000000000000000000000000000000000000000000000000000000000000000" # as nomad-drain-hook-0.1.0.zip.sha256 has it
  }

  # CircleCI's module has the name as an output only with its autoscaler. Either way the hook is made after the group.
  group_names = [coalesce(var.circleci.nomad_asg_name, "${var.basename}-circleci-nomad-clients-asg")]
  nomad_via   = "clients"
  vpc_id      = var.vpc_id
  subnet_ids  = var.subnet_ids

  # The longest build, 5 h by default, and two hours of a rerun with SSH.
  deadline_seconds = 25200
}

output "status_command" {
  value = module.nomad_drain_hook.status_command
}
