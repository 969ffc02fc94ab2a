terraform {
  # Terraform 1.5 brought checks, which warn. OpenTofu begins at 1.6.
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # The first that surely knows the runtime nodejs22.x: AWS announced it a few weeks before.
      version = ">= 5.80"
    }
  }
}
