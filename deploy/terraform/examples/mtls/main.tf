# Nomad has certificates of its own CA and asks its clients for one (verify_https_client). No token is stored: the function logs in
# by its AWS identity.

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
    s3_bucket         = "example-releases"
    s3_key            = "nomad-drain-hook-0.1.0.zip"
    s3_object_version = "gKWz8Wm0Sg1JYRdzcE0mLQnYSJPYvKcW"
    sha256            = "0000000000000000000000000000000000000000000000000000000000000000" # as nomad-drain-hook-0.1.0.zip.sha256 has it
  }

  group_names              = ["builders", "runners"]
  nomad_address            = "https://nomad-1.example.com:4646"
  nomad_fallback_addresses = ["https://nomad-2.example.com:4646", "https://nomad-3.example.com:4646"]
  nomad_login              = "aws-lambda"

  nomad_ca_parameter                 = "/nomad/ca"
  nomad_client_certificate_parameter = "/nomad/drain-hook/certificate"
  nomad_client_key_parameter         = "/nomad/drain-hook/key"
  nomad_server_name                  = "server.global.nomad"
  # The key that encrypts the parameters, where it is not aws/ssm.
  nomad_encryption_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
}
