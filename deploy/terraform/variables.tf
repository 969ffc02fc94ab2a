# What is deployed

variable "name" {
  description = "The name of the function, and what the names of all other resources begin with. Two of this module in one account and region need two names. From 1 to 37 letters, digits and hyphens."
  type        = string
  default     = "nomad-drain-hook"

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,37}$", var.name))
    error_message = "name: must have from 1 to 37 letters, digits and hyphens, not ${jsonencode(var.name)}."
  }
}

variable "package" {
  description = "The function's zip file of a release: a local file, or an object in an S3 bucket of the same region; and its SHA-256 checksum, as the release's checksum file has it (hexadecimal). A local file with another checksum is refused. For an object the checksum only tells Terraform that there is a new one: compare it yourself before you upload. Null for the one that the module of a release brings; a checkout brings none."
  type = object({
    file              = optional(string)
    s3_bucket         = optional(string)
    s3_key            = optional(string)
    s3_object_version = optional(string)
    sha256            = string
  })
  default = null

  validation {
    condition     = var.package == null ? true : can(regex("^[0-9a-f]{64}$", var.package.sha256))
    error_message = "package.sha256: must be a SHA-256 checksum: 64 hexadecimal digits, lower case."
  }

  validation {
    condition = var.package == null ? true : (var.package.file != null ? (
      var.package.s3_bucket == null && var.package.s3_key == null && var.package.s3_object_version == null
    ) : (var.package.s3_bucket != null && var.package.s3_key != null))
    error_message = "package: must have either file, or s3_bucket and s3_key."
  }
}

# Whose instances

variable "group_names" {
  description = "The Auto Scaling groups of Nomad clients that have no options of their own. The names must be known when Terraform plans, because each hook is kept under the name of its group: of a group that is not made yet, give the `name`, not a `name_prefix`."
  type        = list(string)
  default     = []

  # Auto Scaling refuses a colon, and IAM takes the others in the name of a resource for any text or a variable. The message has
  # no escape for the dollar, which checkov cannot parse.
  validation {
    condition     = alltrue([for name in var.group_names : can(regex("^[^:*?]{1,255}$", name)) && !can(regex("[$][{]", name))])
    error_message = "group_names: must be the name of a group: 1 to 255 characters, without : * ? or ${"$"}{, not ${join(", ", [for name in var.group_names : jsonencode(length(name) > 80 ? join("", [substr(name, 0, 80), "…"]) : name) if !can(regex("^[^:*?]{1,255}$", name)) || can(regex("[$][{]", name))])}."
  }

  validation {
    condition     = length(distinct(var.group_names)) == length(var.group_names)
    error_message = "group_names: a group is named more than once: ${join(", ", [for name in distinct(var.group_names) : jsonencode(name) if length([for other in var.group_names : other if other == name]) > 1])}."
  }
}

variable "groups" {
  description = "The groups that have options of their own, by name: `{ web = { deadline_seconds = 1800 } }`; or a list of names and of objects with the name in `group`. The options are `deadline_seconds`, `kill_margin_seconds`, `grace_seconds`, `ignore_system_jobs`, `on_timeout`, `job_meta`, `spot_interruptions`, `rebalance_recommendations`, `scheduled_maintenance`, `restore_after_seconds`, `purge_nodes`, `choose_idle_first`, `only_idle_for_seconds`, `admit_when_ready`, `ready_timeout_seconds`, `drivers` and `await_system_jobs`; what a group leaves out is as for all groups. All of it must be known when Terraform plans. A group of the same configuration that asks which instance goes is named here by a text, not by a reference to it."
  type        = any
  default     = {}
}

# Logs, alarms, events

variable "log_retention_days" {
  description = "How long to keep the function's log, in days: one of those that CloudWatch Logs takes; 0 for ever."
  type        = number
  default     = 90

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days: CloudWatch Logs takes 0 (for ever), 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653, not ${jsonencode(var.log_retention_days)}."
  }
}

variable "alarm_topic_arn" {
  description = "The SNS topic that is notified when an alarm fires and when it resolves. An encrypted topic needs a customer managed key that CloudWatch may use. Null: no notifications; the alarms only change state."
  type        = string
  default     = null

  validation {
    condition     = var.alarm_topic_arn == null ? true : can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:\\d{12}:[\\w-]{1,256}$", var.alarm_topic_arn))
    error_message = "alarm_topic_arn: must be the ARN of an SNS topic, like arn:aws:sns:eu-west-1:111122223333:on-call, not ${jsonencode(var.alarm_topic_arn)}."
  }
}

variable "runbook_url" {
  description = "The URL of the runbook that the alarms and the dashboard link to, where you have it elsewhere, or your own. A link to the section of an alarm ends in its name in lower case: `#sweepmissing`."
  type        = string
  default     = "https://github.com/nomad-drain-hook/nomad-drain-hook/blob/main/docs/operations.md"

  validation {
    condition     = can(regex("^https?://[^\\s\"\\\\]{1,300}$", var.runbook_url))
    error_message = "runbook_url: must be the URL of a page."
  }
}

variable "alarms" {
  description = "Whether to make the alarms. docs/operations.md says what each means and what to do."
  type        = bool
  default     = true
}

variable "dashboard" {
  description = "Whether to make the dashboard."
  type        = bool
  default     = true
}

variable "event_bus" {
  description = "The bus for the function's events: a drain has started, is stuck, or has ended. Its name, or its ARN where it is another account's or region's. Null for the account's default bus."
  type        = string
  default     = null

  validation {
    condition     = var.event_bus == null ? true : can(regex("^(arn:aws[a-z-]*:events:[a-z0-9-]+:\\d{12}:event-bus/)?[\\w./-]{1,256}$", var.event_bus))
    error_message = "event_bus: must be the name or the ARN of an event bus, not ${jsonencode(var.event_bus)}."
  }
}

variable "test_events" {
  description = "Whether to make shareable events for the Test button of the Lambda console: status, dryRun, sweep, and dry runs of spot, rebalance and maintenance. Needs the registry `lambda-testevent-schemas`, which the account has once any user has shared a test event."
  type        = bool
  default     = false
}

variable "create_test_event_registry" {
  description = "Whether to make that registry too. An account and region can have one: it has the test events of all functions. Needs `test_events`."
  type        = bool
  default     = false
}

# How and where the function runs

variable "tags" {
  description = "Tags for every resource that takes them, beside the `default_tags` of the provider."
  type        = map(string)
  default     = {}
}

variable "permissions_boundary" {
  description = "The ARN of the policy that bounds the permissions of the functions' roles, where the account requires one. It must allow what docs/security.md lists."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary == null ? true : can(regex("^arn:aws[a-z-]*:iam::(\\d{12}|aws):policy/.+$", var.permissions_boundary))
    error_message = "permissions_boundary: must be the ARN of a policy, like arn:aws:iam::111122223333:policy/boundary, not ${jsonencode(var.permissions_boundary)}."
  }
}

variable "role_path" {
  description = "The path of the functions' roles, such as `/nomad/`. Null for `/`."
  type        = string
  default     = null

  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
  validation {
    condition     = var.role_path == null ? true : can(regex("^/([!-~]{1,510}/)?$", var.role_path))
    error_message = "role_path: must begin and end with a slash, not ${jsonencode(var.role_path)}."
  }
}

variable "runtime" {
  description = "The Lambda runtime of both functions: `nodejs22.x` or `nodejs24.x`. Null for the newest that the AWS provider knows: `nodejs24.x` with provider 6, `nodejs22.x` with provider 5. Give `nodejs22.x` with a provider from 6.0 to 6.18, which does not know the newer one."
  type        = string
  default     = null

  validation {
    condition     = var.runtime == null ? true : contains(["nodejs22.x", "nodejs24.x"], var.runtime)
    error_message = "runtime: must be nodejs22.x or nodejs24.x, not ${jsonencode(var.runtime)}."
  }
}

variable "memory_size" {
  description = "The memory of the function that drains, in megabytes, from 256 to 10240. With it Lambda gives a share of a core: give it more where more than a thousand instances may begin to wait in the same minute."
  type        = number
  default     = 320

  validation {
    condition     = floor(var.memory_size) == var.memory_size && var.memory_size >= 256 && var.memory_size <= 10240
    error_message = "memory_size: must be a whole number from 256 to 10240, not ${jsonencode(var.memory_size)}."
  }
}

variable "subnet_ids" {
  description = "The subnets to run in, where Nomad can be reached only from inside a VPC. Required for `nomad_via = \"clients\"`. They need a route to the APIs of Auto Scaling, EC2, EventBridge and Systems Manager, too: a NAT gateway or interface endpoints. Empty for a function outside any VPC."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.subnet_ids : can(regex("^subnet-([0-9a-f]{8}|[0-9a-f]{17})$", id))])
    error_message = "subnet_ids: must be like subnet-0123abcd, not ${join(", ", [for id in var.subnet_ids : jsonencode(id) if !can(regex("^subnet-([0-9a-f]{8}|[0-9a-f]{17})$", id))])}."
  }
}

variable "security_group_ids" {
  description = "The security groups of the function. Empty for one of its own that allows all outbound traffic."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for id in var.security_group_ids : can(regex("^sg-([0-9a-f]{8}|[0-9a-f]{17})$", id))])
    error_message = "security_group_ids: must be like sg-0123abcd, not ${join(", ", [for id in var.security_group_ids : jsonencode(id) if !can(regex("^sg-([0-9a-f]{8}|[0-9a-f]{17})$", id))])}."
  }
}

variable "vpc_id" {
  description = "The VPC of the subnets. Needed for a security group of the function's own, and for endpoints."
  type        = string
  default     = null

  validation {
    condition     = var.vpc_id == null ? true : can(regex("^vpc-([0-9a-f]{8}|[0-9a-f]{17})$", var.vpc_id))
    error_message = "vpc_id: must be like vpc-0123abcd, not ${jsonencode(var.vpc_id)}."
  }
}

variable "vpc_endpoints" {
  description = "Whether to make the interface endpoints that the function needs in the subnets (Auto Scaling, EC2 and EventBridge; Systems Manager and STS where it uses them), so that it works without a NAT gateway. Leave it off where the VPC has them: AWS refuses a second one with private DNS."
  type        = bool
  default     = false
}
