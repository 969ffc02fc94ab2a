# A release brings the function's zip file beside the module, and a file that says which one it is. A checkout has neither.
locals {
  brought = fileexists("${path.module}/release.json") ? jsondecode(file("${path.module}/release.json")) : null

  package = {
    file              = var.package != null ? var.package.file : (local.brought != null ? "${path.module}/${local.brought.file}" : null)
    s3_bucket         = var.package != null ? var.package.s3_bucket : null
    s3_key            = var.package != null ? var.package.s3_key : null
    s3_object_version = var.package != null ? var.package.s3_object_version : null
    sha256            = var.package != null ? var.package.sha256 : (local.brought != null ? local.brought.sha256 : join("", [for _ in range(64) : "0"]))
  }
}
