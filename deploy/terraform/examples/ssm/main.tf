# No network path to Nomad: the function asks by the nomad command of the Nomad servers, through SSM Run Command. The instances are
# configured for Nomad: docs/security.md says how.

terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

module "nomad_drain_hook" {
  source = "../.."

  package = {
    file   = "${path.module}/nomad-drain-hook-0.1.0.zip"
    sha256 = "0000000000000000000000000000000000000000000000000000000000000000" # as nomad-drain-hook-0.1.0.zip.sha256 has it
  }

  group_names = ["builders"]
  nomad_via   = "ssm"
  # Without it the instances of the groups are asked.
  nomad_gateway = {
    tag   = "Role"
    value = "nomad-server"
  }
}
