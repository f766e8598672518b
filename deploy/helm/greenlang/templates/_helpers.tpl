{{/* Names, labels and the parts that all pods share. */}}

{{- define "greenlang.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{- define "greenlang.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Labels by which pods are selected: never changed. Arguments: root, part. */}}
{{- define "greenlang.selector" -}}
app.kubernetes.io/name: greenlang
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "greenlang.labels" -}}
{{ include "greenlang.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "greenlang.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "greenlang.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* What every pod specification begins with. Arguments: root, part. */}}
{{- define "greenlang.pod" -}}
serviceAccountName: {{ include "greenlang.name" .root }}
automountServiceAccountToken: {{ and (eq .root.Values.machines.kind "k8s") (has .part (list "daemon" "webserver")) }}
enableServiceLinks: false
securityContext:
  {{- include "greenlang.podSecurity" . | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "greenlang.selector" . | nindent 8 }}
{{- end }}

{{- define "greenlang.secret" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}
{{- end }}

{{- define "greenlang.environment" -}}
{{- $v := .Values -}}
- {name: GREENLANG_BUCKET, value: {{ $v.bucket | quote }}}
- {name: GREENLANG_STORE, value: {{ $v.store | quote }}}
- {name: GREENLANG_KEYS_FOLDER, value: /var/lib/greenlang-keys}
{{ include "greenlang.secret" (dict "variable" "GREENLANG_REGISTRY_URL" "secret" $v.secrets.database.name "key" $v.secrets.database.registry) }}
{{ include "greenlang.secret" (dict "variable" "DAGSTER_PG_URL" "secret" $v.secrets.database.name "key" $v.secrets.database.dagster) }}
- {name: DAGSTER_EVENT_BATCH_SIZE, value: "200"}
- name: GREENLANG_WORKERS # processes that build: as many as the container may use
  valueFrom:
    resourceFieldRef: {resource: limits.cpu}
- {name: GREENLANG_BATCH_JOB, value: {{ ternary "line_batch" "line_machines" (eq $v.machines.kind "home") }}}
- {name: GREENLANG_EXECUTOR, value: {{ ternary "in_process" $v.machines.kind (eq $v.machines.kind "home") }}}
{{- if eq $v.machines.kind "k8s" }}
- {name: GREENLANG_EXECUTOR_CONFIG, value: /opt/dagster/executor.yaml}
{{- end }}
{{- if eq $v.machines.kind "celery" }}
{{ include "greenlang.secret" (dict "variable" "GREENLANG_CELERY_BROKER" "secret" $v.secrets.broker.name "key" $v.secrets.broker.url) }}
{{- end }}
{{- with $v.secrets.mirror }}
{{- if .name }}
{{ include "greenlang.secret" (dict "variable" "GREENLANG_MIRROR_URL" "secret" .name "key" .url) }}
{{- end }}
{{- end }}
{{- with $v.secrets.alerts }}
{{- $name := .name }}
{{- range $variable, $key := dict "GREENLANG_ALERT_WEBHOOK" .webhook "GREENLANG_ALERT_WEBHOOK_KEY" .webhookKey "GREENLANG_SMTP_URL" .smtp }}
{{- if $key }}
{{ include "greenlang.secret" (dict "variable" $variable "secret" $name "key" $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $variable, $key := $v.secrets.models.variables }}
{{ include "greenlang.secret" (dict "variable" $variable "secret" $v.secrets.models.name "key" $key) }}
{{- end }}
{{- range $variable, $value := merge (dict) $v.settings $v.environment }}
- {name: {{ $variable }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{- define "greenlang.environmentFrom" -}}
{{- with .Values.variablesFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The signing key is refused where its file is open to the group, as every mounted Secret's is: it is copied. */}}
{{- define "greenlang.keys" -}}
- name: keys
  image: {{ include "greenlang.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [sh, -c, "install -m 0600 /keys/* /var/lib/greenlang-keys/"]
  securityContext:
    {{- include "greenlang.security" . | nindent 4 }}
  resources:
    requests: {cpu: 10m, memory: 16Mi}
    limits: {cpu: 100m, memory: 64Mi}
  volumeMounts:
    - {name: secret-keys, mountPath: /keys, readOnly: true}
    - {name: keys, mountPath: /var/lib/greenlang-keys}
{{- end }}

{{- define "greenlang.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: var, mountPath: /var/lib/greenlang}
- {name: keys, mountPath: /var/lib/greenlang-keys, readOnly: true}
- {name: dagster-home, mountPath: /opt/dagster}
- {name: dagster, mountPath: /opt/dagster/dagster.yaml, subPath: dagster.yaml, readOnly: true}
{{- end }}

{{/* Beside them where Kubernetes runs the steps. Argument: root. */}}
{{- define "greenlang.executorMount" -}}
{{- if eq .Values.machines.kind "k8s" }}
- {name: dagster, mountPath: /opt/dagster/executor.yaml, subPath: executor.yaml, readOnly: true}
{{- end }}
{{- end }}

{{/* What the executor of Kubernetes is configured with: each shard is a Job with a scratch folder of its own. */}}
{{- define "greenlang.executor" -}}
max_concurrent: {{ .Values.worker.replicas.max }}
step_k8s_config:
  job_spec_config:
    backoff_limit: 0 # Dagster itself tries again
    ttl_seconds_after_finished: 86400
per_step_k8s_config:
  build_shard:
    container_config:
      env:
        - {name: GREENLANG_SCRATCH, value: /scratch}
      resources:
        {{- toYaml .Values.worker.resources | nindent 8 }}
      volume_mounts:
        - {name: scratch, mount_path: /scratch}
    pod_spec_config:
      volumes:
        - {name: scratch, empty_dir: {size_limit: {{ .Values.worker.scratch }}}}
{{- end }}

{{- define "greenlang.volumes" -}}
{{ include "greenlang.scratch" . }}
- name: dagster
  configMap: {name: {{ include "greenlang.name" . }}-dagster}
{{- end }}

{{- define "greenlang.sharedVar" -}}
- name: var
  persistentVolumeClaim: {claimName: {{ .Values.var.existingClaim | default (printf "%s-var" (include "greenlang.name" .)) }}}
{{- end }}

{{/* The instance of Dagster: ../../dagster.yaml word for word, and how runs are started. */}}
{{- define "greenlang.dagster" -}}
{{ .Files.Get "files/dagster.yaml" }}
{{- if eq .Values.machines.kind "k8s" -}}
run_launcher:
  module: dagster_k8s
  class: K8sRunLauncher
  config:
    service_account_name: {{ include "greenlang.name" . }}
    job_image: {{ include "greenlang.image" . }}
    image_pull_policy: {{ .Values.image.pullPolicy }}
    dagster_home: /opt/dagster
    instance_config_map: {{ include "greenlang.name" . }}-dagster
    job_namespace: {{ .Release.Namespace }}
    load_incluster_config: true
    {{- with .Values.image.pullSecrets }}
    image_pull_secrets:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    run_k8s_config:
      job_spec_config: {ttl_seconds_after_finished: 86400}
      pod_template_spec_metadata:
        labels:
          {{- include "greenlang.labels" (dict "root" . "part" "run") | nindent 10 }}
        annotations: {cluster-autoscaler.kubernetes.io/safe-to-evict: "false"}
      pod_spec_config:
        automount_service_account_token: true
        security_context:
          run_as_non_root: true
          run_as_user: 10001
          run_as_group: 10001
          fs_group: 10001
          seccomp_profile: {type: RuntimeDefault}
        init_containers:
          {{- include "greenlang.keys" . | nindent 10 }}
        volumes:
          {{- include "greenlang.scratch" . | nindent 10 }}
          {{- include "greenlang.sharedVar" . | nindent 10 }}
          - name: executor
            configMap: {name: {{ include "greenlang.name" . }}-dagster}
      container_config:
        resources:
          {{- toYaml .Values.daemon.resources | nindent 10 }}
        security_context:
          allow_privilege_escalation: false
          read_only_root_filesystem: true
          capabilities: {drop: [ALL]}
        {{- with .Values.variablesFrom }}
        env_from:
          {{- toYaml . | nindent 10 }}
        {{- end }}
        env:
          {{- include "greenlang.environment" . | nindent 10 }}
        volume_mounts:
          - {name: tmp, mount_path: /tmp}
          - {name: var, mount_path: /var/lib/greenlang}
          - {name: keys, mount_path: /var/lib/greenlang-keys, read_only: true}
          - {name: dagster-home, mount_path: /opt/dagster}
          - {name: executor, mount_path: /opt/dagster/executor.yaml, sub_path: executor.yaml, read_only: true}
{{- end }}
{{- end }}

{{/* Volumes of every pod; in a run's, Dagster mounts the instance itself. */}}
{{- define "greenlang.scratch" -}}
- name: tmp
  emptyDir: {sizeLimit: 2Gi}
- name: dagster-home
  emptyDir: {sizeLimit: 5Gi}
- name: keys
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
- name: secret-keys
  secret: {secretName: {{ .Values.secrets.signingKey.name }}, defaultMode: 0440}
{{- end }}

{{/* Ports that the factory reaches: those of the values, and those of what other values switch on. */}}
{{- define "greenlang.egressPorts" -}}
{{- $v := .Values }}
{{- $ports := $v.networkPolicy.egressPorts }}
{{- if eq $v.machines.kind "k8s" }}
{{- $ports = concat $ports (list 6443) }}
{{- end }}
{{- if $v.secrets.alerts.smtp }}
{{- $ports = concat $ports (list 25 465 587) }}
{{- end }}
{{- if or (hasKey $v.environment "OTEL_EXPORTER_OTLP_ENDPOINT") (hasKey $v.environment "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") (eq (get $v.settings "GREENLANG_TRACES") "on") }}
{{- $ports = concat $ports (list 4317 4318) }}
{{- end }}
{{- range $ports | uniq }}
- {port: {{ . }}, protocol: TCP}
{{- end }}
{{- end }}
