# The Command document that calls Nomad's API on an instance: a fixed script, whose parameters have narrow patterns and reach it as
# environment variables. `npm run build:terraform` writes the file, out of what the construct has.
resource "aws_ssm_document" "ask_nomad" {
  count = local.by_ssm ? 1 : 0

  name            = "${var.name}-ask-nomad"
  document_type   = "Command"
  document_format = "JSON"
  target_type     = "/AWS::EC2::Instance"
  content         = file("${path.module}/ask-nomad.json")
  tags            = var.tags
}
