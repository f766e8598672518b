output "cluster" {
  description = "Name of the cluster: aws eks update-kubeconfig --name ..."
  value       = aws_eks_cluster.main.name
}

output "buckets" {
  description = "Addresses for the chart's values `bucket` and `store`."
  value       = { for name, bucket in aws_s3_bucket.main : name => "s3://${bucket.bucket}" }
}

output "file_system" {
  description = "Of the storage class `efs` (docs/deploy.md)."
  value       = aws_efs_file_system.var.id
}

output "database" {
  description = "Address of PostgreSQL, and the secret with its administrator's password."
  value = {
    address = aws_db_instance.main.endpoint
    secret  = aws_db_instance.main.master_user_secret[0].secret_arn
  }
}

output "broker" {
  description = "Address of Redis (rediss://), and the secret with its password."
  value = {
    address = "${aws_elasticache_replication_group.main.primary_endpoint_address}:6379"
    secret  = aws_secretsmanager_secret.broker.arn
  }
}

output "roles" {
  description = "Roles of service accounts: annotation eks.amazonaws.com/role-arn."
  value       = { for name, role in aws_iam_role.service : name => role.arn }
}

output "workflow_roles" {
  description = "Role that the workflow of a repository takes on."
  value       = { for repository, role in aws_iam_role.workflow : repository => role.arn }
}
