variable "region" {
  description = "AWS region of everything."
  type        = string
  default     = "us-west-2"
}

variable "environment" {
  description = "What this installation is for; a tag."
  type        = string
  default     = "production"
}

variable "name" {
  description = "Name of the installation, in every name that is made."
  type        = string
  default     = "greenlang-factory"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,29}$", var.name))
    error_message = "The name has 3 to 30 lower-case letters, digits and dashes, and begins with a letter."
  }
}

variable "cidr" {
  description = "Addresses of the network; a /16 is cut into /20 for each zone."
  type        = string
  default     = "10.40.0.0/16"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && endswith(var.cidr, "/16")
    error_message = "A /16 is needed, as 10.40.0.0/16."
  }
}

variable "kubernetes_version" {
  description = "Version of the cluster; `aws eks describe-cluster-versions` says which are supported."
  type        = string
  default     = "1.33"
}

variable "api_access_cidrs" {
  description = "Addresses from which the cluster's API may be reached from outside; none: from inside alone."
  type        = list(string)
  default     = []
}

variable "administrators" {
  description = "ARNs of IAM roles that administrate the cluster."
  type        = list(string)
}

variable "nodes" {
  description = "Machines of the cluster. A worker asks for 2 processors and 4 GiB: one fits on an m5.xlarge, three on an m5.2xlarge."
  type = object({
    instance_types = list(string)
    minimum        = number
    desired        = number
    maximum        = number
    disk_gib       = number
  })
  default = {
    instance_types = ["m5.xlarge"]
    minimum        = 3
    desired        = 5
    maximum        = 20
    disk_gib       = 100
  }

  validation {
    condition     = var.nodes.minimum <= var.nodes.desired && var.nodes.desired <= var.nodes.maximum
    error_message = "The minimum is at most the desired number, and that at most the maximum."
  }
}

variable "database" {
  description = "PostgreSQL for the registry and for Dagster. The registry needs version 15 or newer."
  type = object({
    version         = string
    instance_class  = string
    storage_gib     = number
    max_storage_gib = number
    backup_days     = number
  })
  default = {
    version         = "17"
    instance_class  = "db.r6g.xlarge"
    storage_gib     = 100
    max_storage_gib = 1000
    backup_days     = 30
  }

  validation {
    condition     = tonumber(split(".", var.database.version)[0]) >= 15
    error_message = "The registry needs PostgreSQL 15 or newer."
  }
}

variable "cache" {
  description = "Redis for the queues of the workers."
  type = object({
    version  = string
    type     = string
    replicas = number
  })
  default = {
    version  = "7.1"
    type     = "cache.r6g.large"
    replicas = 3
  }
}

variable "broker_password_version" {
  description = "Counted up to change the password of Redis, at once in the cache and in its secret."
  type        = number
  default     = 1
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}

variable "namespace" {
  description = "Namespace of the Helm release."
  type        = string
  default     = "greenlang"
}

variable "release" {
  description = "Name of the Helm release: its service account has the same name."
  type        = string
  default     = "greenlang"
}

variable "github_repository" {
  description = "Repository whose workflow deploys, as owner/name; empty: none."
  type        = string
  default     = ""
}
