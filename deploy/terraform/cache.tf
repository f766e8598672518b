# Redis for the queues: encrypted, with a password that is in its secret and nowhere else.
resource "aws_elasticache_subnet_group" "main" {
  name       = var.name
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_security_group" "cache" {
  name        = "${var.name}-cache"
  description = "Redis of the factory"
  vpc_id      = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "cache" {
  security_group_id            = aws_security_group.cache.id
  description                  = "From the cluster"
  referenced_security_group_id = aws_eks_cluster.main.vpc_config[0].cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 6379
  to_port                      = 6379
}

resource "aws_elasticache_parameter_group" "main" {
  name   = var.name
  family = "redis7"

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction" # a queue must not lose what waits in it
  }
}

ephemeral "random_password" "broker" {
  length  = 64
  special = false
}

resource "aws_secretsmanager_secret" "broker" {
  name       = "${var.name}/broker"
  kms_key_id = aws_kms_key.main.arn
}

resource "aws_secretsmanager_secret_version" "broker" {
  secret_id                = aws_secretsmanager_secret.broker.id
  secret_string_wo         = ephemeral.random_password.broker.result
  secret_string_wo_version = var.broker_password_version
}

# Read back, so that the cache has what the secret holds also where only one of the two is written anew.
ephemeral "aws_secretsmanager_secret_version" "broker" {
  secret_id = aws_secretsmanager_secret_version.broker.secret_id
}

resource "aws_elasticache_replication_group" "main" {
  replication_group_id = "${var.name}-cache"
  description          = "Queues of the agent factory"

  engine               = "redis"
  engine_version       = var.cache.version
  node_type            = var.cache.type
  num_cache_clusters   = var.cache.replicas
  port                 = 6379
  parameter_group_name = aws_elasticache_parameter_group.main.name

  subnet_group_name  = aws_elasticache_subnet_group.main.name
  security_group_ids = [aws_security_group.cache.id]

  at_rest_encryption_enabled = true
  kms_key_id                 = aws_kms_key.main.arn
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  auth_token_wo              = ephemeral.aws_secretsmanager_secret_version.broker.secret_string
  auth_token_wo_version      = var.broker_password_version

  automatic_failover_enabled = true
  multi_az_enabled           = true
  snapshot_retention_limit   = 7
  snapshot_window            = "03:00-05:00"
  maintenance_window         = "sun:05:00-sun:06:00"
  apply_immediately          = false
}
