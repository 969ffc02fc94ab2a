# How a node is drained

variable "deadline_seconds" {
  description = "How long the allocations of a node may take to finish before Nomad kills them, in seconds; up to 48 h. The hook must hold it and twice the kill margin, which leaves 47 h 50 min by default."
  type        = number
  default     = 21600

  validation {
    condition     = floor(var.deadline_seconds) == var.deadline_seconds && var.deadline_seconds >= 1 && var.deadline_seconds <= 172800
    error_message = "deadline_seconds: must be a whole number from 1 to 172800, not ${jsonencode(var.deadline_seconds)}."
  }
}

variable "kill_margin_seconds" {
  description = "How long killed allocations may take to stop, in seconds, up to 2 h: once after the deadline, once more after the drain was forced."
  type        = number
  default     = 300

  validation {
    condition     = floor(var.kill_margin_seconds) == var.kill_margin_seconds && var.kill_margin_seconds >= 0 && var.kill_margin_seconds <= 7200
    error_message = "kill_margin_seconds: must be a whole number from 0 to 7200, not ${jsonencode(var.kill_margin_seconds)}."
  }
}

variable "grace_seconds" {
  description = "How long an instance may wait without a Nomad node before it is released as one that has none, in seconds, up to 1 h."
  type        = number
  default     = 120

  validation {
    condition     = floor(var.grace_seconds) == var.grace_seconds && var.grace_seconds >= 0 && var.grace_seconds <= 3600
    error_message = "grace_seconds: must be a whole number from 0 to 3600, not ${jsonencode(var.grace_seconds)}."
  }
}

variable "ignore_system_jobs" {
  description = "Whether to leave the allocations of system jobs running, and not to wait for them."
  type        = bool
  default     = false
}

variable "on_timeout" {
  description = "How to release an instance whose drain did not end in time: `CONTINUE` or `ABANDON`. Both terminate it, unless the group's instance lifecycle policy retains what is abandoned (`TerminateHookAbandon: retain`)."
  type        = string
  default     = "CONTINUE"

  validation {
    condition     = contains(["CONTINUE", "ABANDON"], var.on_timeout)
    error_message = "on_timeout: must be CONTINUE or ABANDON, not ${jsonencode(var.on_timeout)}."
  }
}

variable "job_meta" {
  description = "Whether jobs may say in their meta how long a drain waits for them: the author of a job then decides how long its instance lives."
  type        = bool
  default     = false
}

# The lifecycle hook, the same in every group but for the default result

variable "hook_name" {
  description = "The name of the hook. A group must have no other hook of this name."
  type        = string
  default     = "nomad-drain"

  validation {
    condition     = can(regex("^[\\w/-]{1,255}$", var.hook_name))
    error_message = "hook_name: must be the name of a hook: 1 to 255 letters, digits, - _ /, not ${jsonencode(length(var.hook_name) > 80 ? join("", [substr(var.hook_name, 0, 80), "…"]) : var.hook_name)}."
  }
}

variable "heartbeat_timeout_seconds" {
  description = "How long Auto Scaling waits for a heartbeat, in seconds, from 30 s to 2 h; the function sends three in that time. It also limits the whole wait to 100 times itself, and never more than 48 h."
  type        = number
  default     = 1800

  validation {
    condition     = floor(var.heartbeat_timeout_seconds) == var.heartbeat_timeout_seconds && var.heartbeat_timeout_seconds >= 30 && var.heartbeat_timeout_seconds <= 7200
    error_message = "heartbeat_timeout_seconds: must be a whole number from 30 to 7200, not ${jsonencode(var.heartbeat_timeout_seconds)}."
  }
}

variable "hook_default_result" {
  description = "How Auto Scaling ends the wait when heartbeats stop: `CONTINUE` or `ABANDON`. Null for the value of `on_timeout` that holds for the group."
  type        = string
  default     = null

  validation {
    condition     = var.hook_default_result == null ? true : contains(["CONTINUE", "ABANDON"], var.hook_default_result)
    error_message = "hook_default_result: must be CONTINUE or ABANDON, not ${jsonencode(var.hook_default_result)}."
  }
}

# What AWS says of an instance before it goes

variable "spot_interruptions" {
  description = "Whether to drain at once when EC2 warns that it interrupts a Spot instance. EC2 takes it two minutes after the warning, hook or not."
  type        = bool
  default     = true
}

variable "rebalance_recommendations" {
  description = "What to do when EC2 recommends to replace a Spot instance because it is at risk: `drain` its node, or only make the node ineligible (`cordon`), or nothing (`off`). Null for nothing."
  type        = string
  default     = null

  validation {
    condition     = var.rebalance_recommendations == null ? true : contains(["drain", "cordon", "off"], var.rebalance_recommendations)
    error_message = "rebalance_recommendations: must be drain, cordon or off, not ${jsonencode(var.rebalance_recommendations)}."
  }
}

variable "scheduled_maintenance" {
  description = "Whether to drain a node before scheduled maintenance stops, reboots or cuts off its instance, in time for the drain deadline."
  type        = bool
  default     = false
}

variable "restore_after_seconds" {
  description = "How long after a rebalance recommendation, or after the end of maintenance, a node is made eligible again if its instance is still in service, in seconds, from 60 s to 7 days. Null for an hour."
  type        = number
  default     = null

  validation {
    condition     = var.restore_after_seconds == null ? true : floor(var.restore_after_seconds) == var.restore_after_seconds && var.restore_after_seconds >= 60 && var.restore_after_seconds <= 604800
    error_message = "restore_after_seconds: must be a whole number from 60 to 604800, not ${jsonencode(var.restore_after_seconds)}."
  }
}

variable "purge_nodes" {
  description = "Whether to remove a drained node from Nomad once its instance is terminated: a sweep does it, within a minute or so of the node being down. Otherwise Nomad lists it for a day."
  type        = bool
  default     = false
}

# How instances come into service

variable "admit_when_ready" {
  description = "Whether a new instance is put into service only when its Nomad node is ready, by a launching hook in each group. One that is not ready in time is abandoned, and Auto Scaling replaces it."
  type        = bool
  default     = false
}

variable "ready_timeout_seconds" {
  description = "How long an instance may take until its Nomad node is ready, in seconds, from 1 min to 6 h. With `admit_when_ready`."
  type        = number
  default     = 900

  validation {
    condition     = floor(var.ready_timeout_seconds) == var.ready_timeout_seconds && var.ready_timeout_seconds >= 60 && var.ready_timeout_seconds <= 21600
    error_message = "ready_timeout_seconds: must be a whole number from 60 to 21600, not ${jsonencode(var.ready_timeout_seconds)}."
  }
}

variable "drivers" {
  description = "The task drivers that have to be healthy on the node, such as `docker`. With `admit_when_ready`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for driver in var.drivers : can(regex("^[\\w.-]+$", driver))])
    error_message = "drivers: must be names of task drivers, not ${jsonencode(var.drivers)}."
  }
}

variable "await_system_jobs" {
  description = "Whether the system jobs that Nomad places on the node have to run, too. With `admit_when_ready`."
  type        = bool
  default     = false
}

variable "launch_hook_name" {
  description = "The name of the launching hook, the same in every group; another one than `hook_name`. With `admit_when_ready`."
  type        = string
  default     = "nomad-ready"

  validation {
    condition     = can(regex("^[\\w/-]{1,255}$", var.launch_hook_name))
    error_message = "launch_hook_name: must be the name of a hook: 1 to 255 letters, digits, - _ /, not ${jsonencode(length(var.launch_hook_name) > 80 ? join("", [substr(var.launch_hook_name, 0, 80), "…"]) : var.launch_hook_name)}."
  }
}

# Which instance goes

variable "choose_idle_first" {
  description = "Whether to make the function that groups may ask which instances go: those with idle Nomad clients first. A group asks it once its `termination_policies` begin with the output `who_goes_function_arn`."
  type        = bool
  default     = false
}

variable "only_idle_for_seconds" {
  description = "How long a group that asks waits for instances to become idle, when too few are, before others go, in seconds, up to 50 min. Null: it does not wait. Needs `choose_idle_first`."
  type        = number
  default     = null

  validation {
    condition     = var.only_idle_for_seconds == null ? true : floor(var.only_idle_for_seconds) == var.only_idle_for_seconds && var.only_idle_for_seconds >= 1 && var.only_idle_for_seconds <= 3000
    error_message = "only_idle_for_seconds: must be a whole number from 1 to 3000, not ${jsonencode(var.only_idle_for_seconds)}."
  }
}

variable "service_linked_role_suffix" {
  description = "The suffix of the groups' service-linked role, if it is not `AWSServiceRoleForAutoScaling` itself: `builders` for `AWSServiceRoleForAutoScaling_builders`. Needs `choose_idle_first`."
  type        = string
  default     = null

  validation {
    condition     = var.service_linked_role_suffix != ""
    error_message = "service_linked_role_suffix: must not be empty."
  }
}
