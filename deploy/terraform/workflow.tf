# The workflow that deploys (.github/workflows/ci.yml): no key is kept there; its environment `production` may update the release.
locals {
  workflow = var.github_repository == "" ? {} : { (var.github_repository) = "${var.name}-workflow" }
}

resource "aws_iam_openid_connect_provider" "workflow" {
  for_each = local.workflow

  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["sts.amazonaws.com"]
}

data "aws_iam_policy_document" "assumed_by_workflow" {
  for_each = local.workflow

  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [aws_iam_openid_connect_provider.workflow[each.key].arn]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "token.actions.githubusercontent.com:sub"
      values   = ["repo:${each.key}:environment:production"]
    }
  }
}

resource "aws_iam_role" "workflow" {
  for_each = local.workflow

  name               = each.value
  assume_role_policy = data.aws_iam_policy_document.assumed_by_workflow[each.key].json
}

data "aws_iam_policy_document" "workflow" {
  statement {
    actions   = ["eks:DescribeCluster"]
    resources = [aws_eks_cluster.main.arn]
  }
}

resource "aws_iam_role_policy" "workflow" {
  for_each = local.workflow

  role   = aws_iam_role.workflow[each.key].id
  policy = data.aws_iam_policy_document.workflow.json
}

resource "aws_eks_access_entry" "workflow" {
  for_each = local.workflow

  cluster_name  = aws_eks_cluster.main.name
  principal_arn = aws_iam_role.workflow[each.key].arn
}

resource "aws_eks_access_policy_association" "workflow" {
  for_each = local.workflow

  cluster_name  = aws_eks_cluster.main.name
  principal_arn = aws_eks_access_entry.workflow[each.key].principal_arn
  policy_arn    = "arn:${data.aws_partition.current.partition}:eks::aws:cluster-access-policy/AmazonEKSAdminPolicy"

  access_scope {
    type       = "namespace"
    namespaces = [var.namespace]
  }
}
