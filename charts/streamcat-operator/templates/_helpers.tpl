{{/* The chart's name, for the label app.kubernetes.io/name. */}}
{{- define "streamcat-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
Prefix of the names of objects: the release's name if it contains the chart's name, or else both names. It is limited to 50 characters,
so that "-registration" fits into a DNS label (63). A truncated name gets a hash, so that two long names with the same start differ.
*/}}
{{- define "streamcat-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- $full := .Values.fullnameOverride | default (contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name)) }}
{{- if gt (len $full) 50 }}
{{- $full = printf "%s-%s" ($full | trunc 41 | trimSuffix "-") (sha256sum $full | trunc 8) }}
{{- end }}
{{- $full }}
{{- end }}

{{/*
Prefix of the names of cluster-scoped objects. If the release serves one namespace, it includes the namespace of the release: releases in
other namespaces may have the same name.
*/}}
{{- define "streamcat-operator.clusterName" -}}
{{- $full := include "streamcat-operator.fullname" . }}
{{- if .Values.controller.watchNamespace }}
{{- printf "%s-%s" .Release.Namespace $full }}
{{- else }}
{{- $full }}
{{- end }}
{{- end }}

{{/* Labels of every object, optionally with a component: (dict "root" $ "component" "controller"). */}}
{{- define "streamcat-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "streamcat-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Selector labels of pods. */}}
{{- define "streamcat-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "streamcat-operator.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* "true" if browsers reach the registration page only through TLS, or else empty. */}}
{{- define "streamcat-operator.behindTls" -}}
{{- $behind := toString .Values.registration.behindTls }}
{{- if eq $behind "auto" }}
{{- $ingress := .Values.registration.ingress }}
{{- $behind = and $ingress.enabled (not (empty $ingress.tls)) | toString }}
{{- end }}
{{- if eq $behind "true" }}true{{ end }}
{{- end }}

{{/*
"true" if the registration page may get the Secrets in the accounts' namespace, or else empty. In the release's namespace, the permission
would include the Secret of the database.
*/}}
{{- define "streamcat-operator.streamKeys" -}}
{{- $show := toString .Values.registration.streamKeys }}
{{- if eq $show "auto" }}
{{- $show = ne (include "streamcat-operator.registrationNamespace" .) .Release.Namespace | toString }}
{{- end }}
{{- if eq $show "true" }}true{{ end }}
{{- end }}

{{/* Namespace in which the registration page creates accounts. */}}
{{- define "streamcat-operator.registrationNamespace" -}}
{{- $namespace := default .Release.Namespace .Values.registration.namespace }}
{{- $watched := .Values.controller.watchNamespace }}
{{- if and $watched (ne $namespace $watched) }}
{{- fail (printf "registration.namespace is %q but the controller watches only controller.watchNamespace %q: it would ignore the accounts that the registration page creates. Set both to the same namespace, or registration.enabled=false." $namespace $watched) }}
{{- end }}
{{- $namespace }}
{{- end }}

{{/*
Variable DATABASE_URL, from the component's own Secret or from the common one:
(dict "root" $ "own" .Values.registration.database.existingSecret).
*/}}
{{- define "streamcat-operator.databaseUrl" -}}
{{- $common := .root.Values.database.existingSecret }}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ required "database.existingSecret.name is required: the name of the Secret in the release's namespace with the URL of the PostgreSQL database (key: database.existingSecret.key)" (default $common.name .own.name) | quote }}
      key: {{ default $common.key .own.key | quote }}
{{- end }}

{{/* Maximum number of new accounts per minute for each pod of the registration page: its share of the limit. */}}
{{- define "streamcat-operator.maxRegistrationsPerMinute" -}}
{{- $registration := .Values.registration }}
{{- max 1 (div $registration.limits.maxRegistrationsPerMinute (max 1 ($registration.replicas | int64))) }}
{{- end }}

{{/* Environment variables of every container. */}}
{{- define "streamcat-operator.logEnv" -}}
- name: STREAMCAT_LOG_LEVEL
  value: {{ .Values.log.level | quote }}
- name: STREAMCAT_LOG_FORMAT
  value: {{ .Values.log.format | quote }}
{{- end }}

{{/* Image, pull policy and security context of every container. */}}
{{- define "streamcat-operator.container" -}}
image: {{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Probes of a container with the admin port. */}}
{{- define "streamcat-operator.probes" -}}
livenessProbe:
  httpGet:
    path: /healthz
    port: admin
  periodSeconds: 10
  timeoutSeconds: 5
readinessProbe:
  httpGet:
    path: /readyz
    port: admin
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{/* Labels and annotations of a pod: (dict "root" $ "component" "controller" "values" .Values.controller). */}}
{{- define "streamcat-operator.podMetadata" -}}
labels:
  {{- include "streamcat-operator.labels" . | nindent 2 }}
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .root.Values.metrics.podAnnotations .values.podAnnotations }}
annotations:
  {{- if .root.Values.metrics.podAnnotations }}
  prometheus.io/scrape: "true"
  prometheus.io/port: "8080"
  prometheus.io/path: /metrics
  {{- end }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{/* Last part of a pod's spec: volumes and scheduling. */}}
{{- define "streamcat-operator.podTail" -}}
{{- with .extraVolumes }}
volumes:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
