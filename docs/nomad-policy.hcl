# What nomad-drain-hook needs of Nomad, and all of it:
#   nomad acl policy apply nomad-drain-hook docs/nomad-policy.hcl

# Find the node of an instance, drain it, make it eligible again when its instance comes back.
node {
  policy = "write"
}

# See the allocations and the pending evaluations of every namespace (/v1/evaluations?namespace=*). Without it Nomad shows an empty
# list while builds run. Who leads the servers (/v1/status/leader) is told to anybody. With jobMeta also "alloc-lifecycle", so that jobs
# which ask for it are stopped when a drain begins: docs/jobs.md.
namespace "*" {
  capabilities = ["read-job"]
}
