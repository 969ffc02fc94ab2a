# One group, a Nomad whose certificate is from a public CA, and a token in Parameter Store.

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

  group_names           = ["builders"]
  nomad_address         = "https://nomad.example.com:4646"
  nomad_token_parameter = "/nomad/drain-token"
}

output "status_command" {
  value = module.nomad_drain_hook.status_command
}
