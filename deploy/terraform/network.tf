locals {
  in_vpc       = length(var.subnet_ids) > 0
  makes_group  = local.in_vpc && length(var.security_group_ids) == 0
  https        = 443
  all_outbound = "Allow all outbound traffic by default"

  security_group_ids = local.makes_group ? aws_security_group.function[*].id : var.security_group_ids

  # None for its log and its queues: the Lambda service writes to those itself.
  endpoints = toset(!var.vpc_endpoints ? [] : concat(
    ["autoscaling", "ec2", "events"],
    local.by_ssm || length(local.parameters) > 0 ? ["ssm"] : [],
    var.nomad_login == null ? [] : ["sts"],
  ))
  # Open to the function only, not to the whole network.
  openings = { for opening in setproduct(local.endpoints, range(local.makes_group ? 1 : length(var.security_group_ids))) : join("-", opening) => {
    endpoint = opening[0]
    place    = opening[1]
  } }
}

resource "aws_security_group" "function" {
  count = local.makes_group ? 1 : 0

  name_prefix = "${var.name}-"
  description = "The Nomad drain hook"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_egress_rule" "function" {
  count = local.makes_group ? 1 : 0

  security_group_id = aws_security_group.function[0].id
  description       = local.all_outbound
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
  tags              = var.tags
}

resource "aws_security_group" "endpoint" {
  for_each = local.endpoints

  name_prefix = "${var.name}-${each.value}-"
  description = "The endpoint of the Nomad drain hook for ${each.value}"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_egress_rule" "endpoint" {
  for_each = local.endpoints

  security_group_id = aws_security_group.endpoint[each.value].id
  description       = local.all_outbound
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
  tags              = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "endpoint" {
  for_each = local.openings

  security_group_id            = aws_security_group.endpoint[each.value.endpoint].id
  description                  = "The Nomad drain hook"
  ip_protocol                  = "tcp"
  from_port                    = local.https
  to_port                      = local.https
  referenced_security_group_id = local.security_group_ids[each.value.place]
  tags                         = var.tags
}

resource "aws_vpc_endpoint" "endpoint" {
  for_each = local.endpoints

  vpc_id              = var.vpc_id
  service_name        = "com.amazonaws.${local.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.endpoint[each.value].id]
  private_dns_enabled = true
  tags                = var.tags
}
