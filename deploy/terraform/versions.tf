# What the factory needs of AWS (document 000, section 11): a network, a cluster, databases, stores, logs, identities.
# How it is used, and what was mended against the document: README.md beside this file.
terraform {
  required_version = ">= 1.11" # write-only arguments: no password enters the state

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.69"
    }
    random = {
      source  = "hashicorp/random"
      version = "~> 3.7" # ephemeral passwords
    }
  }

  # terraform init -backend-config=backend.hcl (bucket, key, region, use_lockfile = true)
  backend "s3" {
    encrypt = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Application = "greenlang"
      Environment = var.environment
      ManagedBy   = "terraform"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  account = data.aws_caller_identity.current.account_id
  zones   = slice(data.aws_availability_zones.available.names, 0, 3)
}
