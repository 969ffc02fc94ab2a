# The groups, and what holds for each: its own options, or else those that the module has for all. The function that says which instances
# go must need nothing of `group_names`: such a group may be made after it.

locals {
  # In the terms of the document.
  shared = {
    policy = {
      deadlineSeconds   = var.deadline_seconds
      killMarginSeconds = var.kill_margin_seconds
      graceSeconds      = var.grace_seconds
      ignoreSystemJobs  = var.ignore_system_jobs
      onTimeout         = var.on_timeout
      jobMeta           = var.job_meta
    }
    notices = {
      spot           = var.spot_interruptions
      rebalance      = var.rebalance_recommendations == null ? "off" : var.rebalance_recommendations
      maintenance    = var.scheduled_maintenance
      restoreSeconds = var.restore_after_seconds == null ? 3600 : var.restore_after_seconds
    }
    chooses = { on = var.choose_idle_first, onlyIdleForSeconds = var.only_idle_for_seconds }
    admission = {
      on                  = var.admit_when_ready
      readyTimeoutSeconds = var.ready_timeout_seconds
      drivers             = var.drivers
      awaitSystemJobs     = var.await_system_jobs
    }
    purge = var.purge_nodes
  }

  # Of a map the keys are the names; a list has names, and objects with the name in `group`. What has no name is refused below.
  given_groups = try([for key, own in var.groups : {
    name = local.in_a_map ? tostring(key) : try(coalesce(own.group), tostring(own), "")
    own  = own
  }], [])
  own_options = { for name in distinct([for each in local.given_groups : each.name]) : name =>
    [for each in local.given_groups : each.own if each.name == name][0] if name != ""
  }

  # What is null, or wrong, is as for all groups.
  own_terms = { for name, own in local.own_options : name => {
    policy = {
      deadlineSeconds   = try(tonumber(coalesce(own.deadline_seconds)), var.deadline_seconds)
      killMarginSeconds = try(tonumber(coalesce(own.kill_margin_seconds)), var.kill_margin_seconds)
      graceSeconds      = try(tonumber(coalesce(own.grace_seconds)), var.grace_seconds)
      ignoreSystemJobs  = try(tobool(coalesce(own.ignore_system_jobs)), var.ignore_system_jobs)
      onTimeout         = try(tostring(coalesce(own.on_timeout)), var.on_timeout)
      jobMeta           = try(tobool(coalesce(own.job_meta)), var.job_meta)
    }
    notices = {
      spot           = try(tobool(coalesce(own.spot_interruptions)), var.spot_interruptions)
      rebalance      = try(tostring(coalesce(own.rebalance_recommendations)), local.shared.notices.rebalance)
      maintenance    = try(tobool(coalesce(own.scheduled_maintenance)), var.scheduled_maintenance)
      restoreSeconds = try(tonumber(coalesce(own.restore_after_seconds)), local.shared.notices.restoreSeconds)
    }
    chooses = {
      on                 = try(tobool(coalesce(own.choose_idle_first)), var.choose_idle_first)
      onlyIdleForSeconds = try(tonumber(coalesce(own.only_idle_for_seconds)), var.only_idle_for_seconds)
    }
    admission = {
      on                  = try(tobool(coalesce(own.admit_when_ready)), var.admit_when_ready)
      readyTimeoutSeconds = try(tonumber(coalesce(own.ready_timeout_seconds)), var.ready_timeout_seconds)
      drivers             = try([for driver in own.drivers : tostring(driver)], var.drivers)
      awaitSystemJobs     = try(tobool(coalesce(own.await_system_jobs)), var.await_system_jobs)
    }
    purge = try(tobool(coalesce(own.purge_nodes)), var.purge_nodes)
  } }

  group_names = distinct(concat(var.group_names, keys(local.own_terms)))
  terms       = merge({ for name in distinct(var.group_names) : name => local.shared }, local.own_terms)

  # What some group does. Nothing here needs `group_names`.
  all_terms   = concat([local.shared], values(local.own_terms))
  some_choose = anytrue([for terms in local.all_terms : terms.chooses.on])
  some_admit  = anytrue([for terms in local.all_terms : terms.admission.on])

  # The groups with a launching hook.
  admitting = [for name in local.group_names : name if local.terms[name].admission.on]

  # Groups whose drains may take the same times, in the order of the groups; and how a label names them.
  group_times = [for times in distinct([for name in local.group_names : local.times[name]]) : {
    deadline = jsondecode(times)[0]
    margin   = jsondecode(times)[1]
    names    = [for name in local.group_names : name if local.times[name] == times]
  }]
  times = { for name, terms in local.terms : name => jsonencode([terms.policy.deadlineSeconds, terms.policy.killMarginSeconds]) }
  group_deadlines = [for deadline in distinct([for times in local.group_times : times.deadline]) : {
    deadline = deadline
    names    = flatten([for times in local.group_times : times.names if times.deadline == deadline])
  }]
  labels          = [for each in local.group_times : "${join(", ", slice(each.names, 0, min(3, length(each.names))))}${length(each.names) > 3 ? " and ${length(each.names) - 3} more" : ""}"]
  deadline_labels = [for each in local.group_deadlines : "${join(", ", slice(each.names, 0, min(3, length(each.names))))}${length(each.names) > 3 ? " and ${length(each.names) - 3} more" : ""}"]

  # As the function calculates it (lambda/core/decide/deadlines.ts): Auto Scaling holds an instance for 100 heartbeat timeouts, and never longer
  # than 48 h; of that the kill margin must be left at the deadline, or two and a half minutes if that is more.
  hook_holds_seconds = min(172800, 100 * var.heartbeat_timeout_seconds)
  after_deadline     = { for name, terms in local.terms : name => terms.policy.killMarginSeconds + max(terms.policy.killMarginSeconds, 150) }
  has_own_times      = { for name in local.group_names : name => local.times[name] != jsonencode([var.deadline_seconds, var.kill_margin_seconds]) }
  beyond_hook = distinct([for name in local.group_names :
    "${local.has_own_times[name] ? "groups[${jsonencode(name)}]." : ""}deadline_seconds: ${local.terms[name].policy.deadlineSeconds} s and ${local.after_deadline[name]} s for what is killed after it are more than the hook can hold an instance: ${local.hook_holds_seconds} s, which is 100 heartbeat timeouts of ${var.heartbeat_timeout_seconds} s and at most 48 h. Shorten the deadline or the kill margin, or lengthen the heartbeat timeout."
    if local.terms[name].policy.deadlineSeconds + local.after_deadline[name] > local.hook_holds_seconds
  ])

  named_twice = [for name in var.group_names : name if contains(keys(local.own_options), name)]

  # What a group may have of its own, and what that may be.
  numbers = {
    deadline_seconds      = [1, 172800]
    kill_margin_seconds   = [0, 7200]
    grace_seconds         = [0, 3600]
    restore_after_seconds = [60, 604800]
    only_idle_for_seconds = [1, 3000]
    ready_timeout_seconds = [60, 21600]
  }
  choices = { on_timeout = ["CONTINUE", "ABANDON"], rebalance_recommendations = ["drain", "cordon", "off"] }
  flags   = ["ignore_system_jobs", "job_meta", "spot_interruptions", "scheduled_maintenance", "purge_nodes", "choose_idle_first", "admit_when_ready", "await_system_jobs"]
  options = concat(keys(local.numbers), keys(local.choices), local.flags, ["drivers"])

  # What is wrong with the groups, in sentences.
  in_a_map = can(keys(var.groups))
  group_problems = concat(
    can([for own in var.groups : own]) ? [] : ["groups: must be a list or a map of groups, not ${jsonencode(var.groups)}."],
    [for each in local.given_groups : "groups: must be the name of a group, or an object with group and its options, not ${jsonencode(each.own)}." if !local.in_a_map && each.name == ""],
    [for each in local.given_groups : "groups[${jsonencode(each.name)}]: must be an object with its options, not ${jsonencode(each.own)}." if local.in_a_map && !can(keys(each.own))],
    [for name in keys(local.own_options) : "groups: a group is named more than once: ${jsonencode(name)}." if length([for each in local.given_groups : each if each.name == name]) > 1],
    [for name, own in local.own_options : "groups: must be the name of a group: 1 to 255 characters, without : * ? or ${"$"}{, not ${jsonencode(length(name) > 80 ? join("", [substr(name, 0, 80), "…"]) : name)}." if !can(regex("^[^:*?]{1,255}$", name)) || can(regex("[$][{]", name))],
    flatten([for name, own in local.own_options : [for option in try(keys(own), []) :
      "groups[${jsonencode(name)}].${option}: is no option of a group. There are ${join(", ", local.options)}." if !contains(local.options, option) && (local.in_a_map || option != "group")
    ]]),
    flatten([for name, own in local.own_options : [for option, limits in local.numbers :
      "groups[${jsonencode(name)}].${option}: must be a whole number from ${limits[0]} to ${limits[1]}, not ${jsonencode(own[option])}." if try(own[option], null) == null ? false : !try(floor(tonumber(own[option])) == tonumber(own[option]) && tonumber(own[option]) >= limits[0] && tonumber(own[option]) <= limits[1], false)
    ]]),
    flatten([for name, own in local.own_options : [for option, values in local.choices :
      "groups[${jsonencode(name)}].${option}: must be ${join(" or ", values)}, not ${jsonencode(own[option])}." if try(own[option], null) == null ? false : !contains(values, try(tostring(own[option]), ""))
    ]]),
    flatten([for name, own in local.own_options : [for option in local.flags :
      "groups[${jsonencode(name)}].${option}: must be true or false, not ${jsonencode(own[option])}." if try(own[option], null) == null ? false : !can(tobool(own[option]))
    ]]),
    [for name, own in local.own_options : "groups[${jsonencode(name)}].drivers: must be names of task drivers, not ${jsonencode(own.drivers)}." if try(own.drivers, null) == null ? false : !try(alltrue([for driver in own.drivers : can(regex("^[\\w.-]+$", driver))]), false)],
    flatten([for name, own in local.own_options : [for option in ["ready_timeout_seconds", "drivers", "await_system_jobs"] :
      "groups[${jsonencode(name)}].${option}: needs admit_when_ready." if try(own[option], null) != null && !local.own_terms[name].admission.on
    ]]),
    [for name, own in local.own_options : "groups[${jsonencode(name)}].restore_after_seconds: needs rebalance_recommendations or scheduled_maintenance: nothing else is restored after it." if try(own.restore_after_seconds, null) != null && local.own_terms[name].notices.rebalance == "off" && !local.own_terms[name].notices.maintenance],
    [for name, own in local.own_options : "groups[${jsonencode(name)}].only_idle_for_seconds: needs choose_idle_first." if try(own.only_idle_for_seconds, null) != null && !local.own_terms[name].chooses.on],
    [for name, own in local.own_options : "groups[${jsonencode(name)}].choose_idle_first: Nomad must be reached over HTTP: through instances no answer comes within the two seconds that Auto Scaling waits." if try(tobool(own.choose_idle_first), false) == true && local.by_ssm],
  )
}
