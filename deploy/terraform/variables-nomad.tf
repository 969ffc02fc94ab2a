# How Nomad is reached

variable "nomad_via" {
  description = "How the function reaches Nomad: `http`; `clients`: no address leads to the servers, so Nomad is asked through the clients of the groups; or `ssm`: without a network path, by the `nomad` command of an instance."
  type        = string
  default     = "http"

  validation {
    condition     = contains(["http", "clients", "ssm"], var.nomad_via)
    error_message = "nomad_via: must be http, clients or ssm, not ${jsonencode(var.nomad_via)}."
  }
}

variable "nomad_client_scheme" {
  description = "With `nomad_via = \"clients\"`: `https` where the clients have TLS on HTTP (`tls { http = true }`). Null for `http`."
  type        = string
  default     = null

  validation {
    condition     = var.nomad_client_scheme == null ? true : contains(["http", "https"], var.nomad_client_scheme)
    error_message = "nomad_client_scheme: must be http or https, not ${jsonencode(var.nomad_client_scheme)}."
  }
}

variable "nomad_client_port" {
  description = "With `nomad_via = \"clients\"`: the port on which the clients listen for HTTP. Null for 4646."
  type        = number
  default     = null

  validation {
    condition     = var.nomad_client_port == null ? true : var.nomad_client_port >= 1 && var.nomad_client_port <= 65535 && floor(var.nomad_client_port) == var.nomad_client_port
    error_message = "nomad_client_port: must be a port, 1 to 65535, not ${jsonencode(var.nomad_client_port)}."
  }
}

variable "nomad_address" {
  description = "The address of Nomad's HTTP API, such as `https://nomad.internal:4646`. Required for `nomad_via = \"http\"`."
  type        = string
  default     = null

  validation {
    condition = var.nomad_address == null ? true : can(regex("^https?://(\\[[0-9A-Fa-f:.]+\\]|[^\\s/:?#@\\[\\]\\\\]+)(:[0-9]{1,5})?/?$", var.nomad_address))
    # A password, a path or a query in it may be a secret.
    error_message = "nomad_address: must be http:// or https:// with a host and a port, and nothing else${var.nomad_address == null || can(regex("(?i)^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+|LS0tLS[\\w+/=]+)$", var.nomad_address)) ? "" : ", not ${jsonencode(substr(replace(replace(var.nomad_address, "/[^/]*@/", "…@"), "/([^:/])[/?#].*/", "$1/…"), 0, 80))}"}."
  }
}

variable "nomad_fallback_addresses" {
  description = "More servers of the same cluster, with the same scheme; at most six. When one does not answer, the next is tried."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.nomad_fallback_addresses : can(regex("^https?://(\\[[0-9A-Fa-f:.]+\\]|[^\\s/:?#@\\[\\]\\\\]+)(:[0-9]{1,5})?/?$", address))])
    error_message = "nomad_fallback_addresses: must be http:// or https:// with a host and a port, and nothing else${join("", [for address in var.nomad_fallback_addresses : ", not ${jsonencode(substr(replace(replace(address, "/[^/]*@/", "…@"), "/([^:/])[/?#].*/", "$1/…"), 0, 80))}" if !can(regex("^https?://(\\[[0-9A-Fa-f:.]+\\]|[^\\s/:?#@\\[\\]\\\\]+)(:[0-9]{1,5})?/?$", address)) && !can(regex("(?i)^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+|LS0tLS[\\w+/=]+)$", address))])}."
  }

  validation {
    condition     = length(var.nomad_fallback_addresses) <= 6
    error_message = "nomad_fallback_addresses: must be at most six addresses, not ${length(var.nomad_fallback_addresses)}."
  }
}

variable "nomad_token_parameter" {
  description = "The parameter of Parameter Store (best a SecureString) that holds the secret id of the ACL token. Null where ACLs are off, or with `nomad_login`."
  type        = string
  default     = null

  # The messages do not say the value: it may be the secret that belongs into the parameter.
  validation {
    condition     = !can(regex("^[\\w./-]+:[\\w.-]+$", var.nomad_token_parameter))
    error_message = "nomad_token_parameter: must have no version: the newest is read, so that it can be rotated."
  }

  validation {
    condition     = !can(regex("^[\\w.-]+(/[\\w.-]+)+$", var.nomad_token_parameter))
    error_message = "nomad_token_parameter: must begin with a slash, as each name with a slash in it does."
  }

  validation {
    condition     = var.nomad_token_parameter == null ? true : can(regex("^/?[\\w.-]+(/[\\w.-]+)*(:[\\w.-]+)?$", var.nomad_token_parameter)) && !can(regex("(?i)^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+|LS0tLS[\\w+/=]+)$", var.nomad_token_parameter))
    error_message = "nomad_token_parameter: must be the name of a parameter, like /nomad/drain-token, not the secret itself."
  }
}

variable "nomad_login" {
  description = "Instead of a stored token: the name of Nomad's auth method, of type JWT, that trusts the issuer of this AWS account. The function exchanges its AWS identity for a Nomad token that expires."
  type        = string
  default     = null

  validation {
    condition     = var.nomad_login != ""
    error_message = "nomad_login: must not be empty."
  }
}

variable "nomad_audience" {
  description = "The audience of the identity token that AWS signs for `nomad_login`: one of `BoundAudiences` of the auth method. Null for `nomad`."
  type        = string
  default     = null

  validation {
    condition     = var.nomad_audience != ""
    error_message = "nomad_audience: must not be empty."
  }
}

variable "nomad_ca_parameter" {
  description = "The parameter that holds the certificate authority of Nomad's TLS certificate, PEM. Null for the authorities that Node.js trusts."
  type        = string
  default     = null

  validation {
    condition     = !can(regex("^[\\w./-]+:[\\w.-]+$", var.nomad_ca_parameter))
    error_message = "nomad_ca_parameter: must have no version: the newest is read, so that it can be rotated."
  }

  validation {
    condition     = !can(regex("^[\\w.-]+(/[\\w.-]+)+$", var.nomad_ca_parameter))
    error_message = "nomad_ca_parameter: must begin with a slash, as each name with a slash in it does."
  }

  validation {
    condition     = var.nomad_ca_parameter == null ? true : can(regex("^/?[\\w.-]+(/[\\w.-]+)*(:[\\w.-]+)?$", var.nomad_ca_parameter)) && !can(regex("(?i)^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+|LS0tLS[\\w+/=]+)$", var.nomad_ca_parameter))
    error_message = "nomad_ca_parameter: must be the name of a parameter, not the certificate itself."
  }
}

variable "nomad_client_certificate_parameter" {
  description = "The parameter that holds the function's own certificate, PEM, where Nomad asks its clients for one (`verify_https_client`). Needs `nomad_client_key_parameter`."
  type        = string
  default     = null

  validation {
    condition     = !can(regex("^[\\w./-]+:[\\w.-]+$", var.nomad_client_certificate_parameter))
    error_message = "nomad_client_certificate_parameter: must have no version: the newest is read, so that it can be rotated."
  }

  validation {
    condition     = !can(regex("^[\\w.-]+(/[\\w.-]+)+$", var.nomad_client_certificate_parameter))
    error_message = "nomad_client_certificate_parameter: must begin with a slash, as each name with a slash in it does."
  }

  validation {
    condition     = var.nomad_client_certificate_parameter == null ? true : can(regex("^/?[\\w.-]+(/[\\w.-]+)*(:[\\w.-]+)?$", var.nomad_client_certificate_parameter)) && !can(regex("(?i)^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+|LS0tLS[\\w+/=]+)$", var.nomad_client_certificate_parameter))
    error_message = "nomad_client_certificate_parameter: must be the name of a parameter, not the certificate itself."
  }
}

variable "nomad_client_key_parameter" {
  description = "The parameter (a SecureString) that holds the key of that certificate, PEM."
  type        = string
  default     = null

  validation {
    condition     = !can(regex("^[\\w./-]+:[\\w.-]+$", var.nomad_client_key_parameter))
    error_message = "nomad_client_key_parameter: must have no version: the newest is read, so that it can be rotated."
  }

  validation {
    condition     = !can(regex("^[\\w.-]+(/[\\w.-]+)+$", var.nomad_client_key_parameter))
    error_message = "nomad_client_key_parameter: must begin with a slash, as each name with a slash in it does."
  }

  validation {
    condition     = var.nomad_client_key_parameter == null ? true : can(regex("^/?[\\w.-]+(/[\\w.-]+)*(:[\\w.-]+)?$", var.nomad_client_key_parameter)) && !can(regex("(?i)^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|eyJ[\\w-]+\\.[\\w-]+\\.[\\w-]+|LS0tLS[\\w+/=]+)$", var.nomad_client_key_parameter))
    error_message = "nomad_client_key_parameter: must be the name of a parameter, not the key itself."
  }
}

variable "nomad_server_name" {
  description = "The name in Nomad's certificate if it is not the host of the address, such as `server.global.nomad`. Null for that host; with `nomad_via = \"clients\"` for `client.<region>.nomad`."
  type        = string
  default     = null

  validation {
    condition     = var.nomad_server_name != ""
    error_message = "nomad_server_name: must not be empty."
  }
}

variable "nomad_encryption_key_arn" {
  description = "The customer managed KMS key that encrypts the parameters. Null for the account's `aws/ssm` key, which needs no permission of its own."
  type        = string
  default     = null

  validation {
    condition     = var.nomad_encryption_key_arn == null ? true : can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:\\d{12}:key/.+$", var.nomad_encryption_key_arn))
    error_message = "nomad_encryption_key_arn: must be the ARN of a key, like arn:aws:kms:eu-west-1:111122223333:key/1234abcd, not ${jsonencode(var.nomad_encryption_key_arn)}."
  }
}

variable "nomad_gateway" {
  description = "With `nomad_via = \"ssm\"`: the instances that run the commands, by tag. Null for instances of the groups that are in service."
  type = object({
    tag   = string
    value = string
  })
  default = null

  validation {
    condition     = var.nomad_gateway == null ? true : length(var.nomad_gateway.tag) > 0
    error_message = "nomad_gateway.tag: must not be empty."
  }
}

variable "nomad_region" {
  description = "The Nomad region of the clients. Null for the region of the server that answers."
  type        = string
  default     = null

  validation {
    condition     = var.nomad_region != ""
    error_message = "nomad_region: must not be empty."
  }
}

variable "nomad_node_meta_key" {
  description = "The key of a Nomad client's `meta` that holds the instance id, for clients without the EC2 fingerprint. Null for the attribute `unique.platform.aws.instance-id`."
  type        = string
  default     = null

  validation {
    condition     = var.nomad_node_meta_key != ""
    error_message = "nomad_node_meta_key: must not be empty."
  }
}

variable "outside_ec2_datacenters" {
  description = "The datacenters of Nomad that have only clients that are not EC2 instances. An instance whose node cannot be found is kept while any live node could be its own: a client named here could not. Names are exact, without wildcards."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.outside_ec2_datacenters, "")
    error_message = "outside_ec2_datacenters: must not be empty."
  }
}

variable "outside_ec2_node_pools" {
  description = "The node pools of Nomad that have only such clients."
  type        = list(string)
  default     = []

  validation {
    condition     = !contains(var.outside_ec2_node_pools, "")
    error_message = "outside_ec2_node_pools: must not be empty."
  }
}
