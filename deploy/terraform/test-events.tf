# Shareable test events. Everybody with access to the registry finds them in the function's Test tab and by `sam remote test-event`.
# The registry and the schema have fixed names, because the console searches for them. `npm run build:terraform` writes the file.

resource "aws_schemas_registry" "test_events" {
  count = var.create_test_event_registry ? 1 : 0

  name        = "lambda-testevent-schemas"
  description = "Shareable test events of the Lambda console"
  tags        = var.tags

  # It has the test events of all functions of the account. To remove this module and keep it, remove it from the state first:
  # docs/removal.md.
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_schemas_schema" "test_events" {
  count = var.test_events ? 1 : 0

  registry_name = "lambda-testevent-schemas"
  name          = "_${aws_lambda_function.function.function_name}-schema"
  type          = "OpenApi3"
  description   = "Events to test the Nomad drain hook with"
  content       = file("${path.module}/test-events.json")
  tags          = var.tags

  depends_on = [aws_schemas_registry.test_events]
}
