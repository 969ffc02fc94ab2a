# Nomad answers only inside a VPC whose subnets have no NAT gateway.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "nomad_security_group_id" {
  description = "The security group of the Nomad servers."
  type        = string
}

module "nomad_drain_hook" {
  source = "../.."

  package = {
    file   = "${path.module}/nomad-drain-hook-0.1.0.zip"
    sha256 = "0000000000000000000000000000000000000000000000000000000000000000" # as nomad-drain-hook-0.1.0.zip.sha256 has it
  }

  group_names           = ["builders"]
  nomad_address         = "https://nomad.internal:4646"
  nomad_token_parameter = "/nomad/drain-token"

  vpc_id        = "vpc-0123abcd"
  subnet_ids    = ["subnet-0123abcd", "subnet-4567cdef"]
  vpc_endpoints = true
}

resource "aws_vpc_security_group_ingress_rule" "nomad" {
  security_group_id            = var.nomad_security_group_id
  description                  = "The Nomad drain hook"
  ip_protocol                  = "tcp"
  from_port                    = 4646
  to_port                      = 4646
  referenced_security_group_id = module.nomad_drain_hook.security_group_ids[0]
}
