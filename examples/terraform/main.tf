# nomad-drain-hook in a Terraform project. "npm ci && npm run build:template" puts the two files into dist/template.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "group_names" {
  description = "The Auto Scaling groups of Nomad clients"
  type        = list(string)
}

variable "nomad_address" {
  description = "Where Nomad's HTTP API answers, such as https://nomad.internal:4646"
  type        = string
}

variable "nomad_token_parameter" {
  description = "The parameter of Parameter Store that holds the ACL token; empty where ACLs are off"
  type        = string
  default     = ""
}

variable "subnet_ids" {
  description = "The subnets to run in; empty for a function outside any VPC"
  type        = list(string)
  default     = []
}

variable "security_group_ids" {
  description = "The security groups of the function, given together with its subnets"
  type        = list(string)
  default     = []
}

variable "code_bucket" {
  description = "The S3 bucket for the function's code, in the region of the groups"
  type        = string
}

locals {
  dist = "${path.module}/../../dist/template"
  zip  = "${local.dist}/nomad-drain-hook.zip"
}

# Named after its content: another function is another key, by which CloudFormation notices that there is something to do.
resource "aws_s3_object" "code" {
  bucket = var.code_bucket
  key    = "nomad-drain-hook/${filesha256(local.zip)}.zip"
  source = local.zip

  # The old object stays until the stack has the new one: a rollback needs the code that it goes back to.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudformation_stack" "nomad_drain_hook" {
  name          = "nomad-drain-hook"
  template_body = file("${local.dist}/nomad-drain-hook.template.yaml")
  capabilities  = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]

  parameters = {
    GroupNames          = join(",", var.group_names)
    NomadAddress        = var.nomad_address
    NomadTokenParameter = var.nomad_token_parameter
    SubnetIds           = join(",", var.subnet_ids)
    SecurityGroupIds    = join(",", var.security_group_ids)
    CodeBucket          = aws_s3_object.code.bucket
    CodeKey             = aws_s3_object.code.key
  }
}

output "function_name" {
  description = "The function: test it with {\"command\": \"status\"}"
  value       = aws_cloudformation_stack.nomad_drain_hook.outputs["FunctionName"]
}
