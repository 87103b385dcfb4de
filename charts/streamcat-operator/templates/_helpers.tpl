{{/* The chart's name, for the label app.kubernetes.io/name. */}}
{{- define "streamcat-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
What the names of objects begin with: the release's name if it contains the chart's name, else both.
"-registration" (13 characters) must still fit into a DNS label (63); what is cut gets a hash, so that two long
names that begin alike stay apart.
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
What the names of cluster-scoped objects of a release that serves one namespace begin with: releases in other
namespaces may have the same name.
*/}}
{{- define "streamcat-operator.clusterName" -}}
{{- $full := include "streamcat-operator.fullname" . }}
{{- if .Values.controller.watchNamespace }}
{{- printf "%s-%s" .Release.Namespace $full }}
{{- else }}
{{- $full }}
{{- end }}
{{- end }}

{{/* Labels of every object; with a component: (dict "root" $ "component" "controller"). */}}
{{- define "streamcat-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "streamcat-operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels by which pods are found. */}}
{{- define "streamcat-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "streamcat-operator.name" .root | quote }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{/* Whether browsers reach the registration page by TLS only: "true", or nothing. */}}
{{- define "streamcat-operator.behindTls" -}}
{{- $behind := toString .Values.registration.behindTls }}
{{- if eq $behind "auto" }}
{{- $ingress := .Values.registration.ingress }}
{{- $behind = and $ingress.enabled (not (empty $ingress.tls)) | toString }}
{{- end }}
{{- if eq $behind "true" }}true{{ end }}
{{- end }}

{{/*
Whether the registration page may get the Secrets of the accounts' namespace: "true", or nothing. In the release's
namespace the right would reach the database's.
*/}}
{{- define "streamcat-operator.streamKeys" -}}
{{- $show := toString .Values.registration.streamKeys }}
{{- if eq $show "auto" }}
{{- $show = ne (include "streamcat-operator.registrationNamespace" .) .Release.Namespace | toString }}
{{- end }}
{{- if eq $show "true" }}true{{ end }}
{{- end }}

{{/* Whether the controller's pods elect one that works: "true", or nothing. */}}
{{- define "streamcat-operator.leaderElection" -}}
{{- $elect := toString .Values.controller.leaderElection }}
{{- if eq $elect "auto" }}
{{- $elect = gt (int .Values.controller.replicas) 1 | toString }}
{{- end }}
{{- if eq $elect "true" }}true{{ end }}
{{- end }}

{{/* The namespace in which the registration page creates accounts. */}}
{{- define "streamcat-operator.registrationNamespace" -}}
{{- $namespace := default .Release.Namespace .Values.registration.namespace }}
{{- $watched := .Values.controller.watchNamespace }}
{{- if and $watched (ne $namespace $watched) }}
{{- fail (printf "registration.namespace is %q but the controller serves only controller.watchNamespace %q: accounts made by the registration page would never be served. Set both to the same namespace, or registration.enabled=false." $namespace $watched) }}
{{- end }}
{{- $namespace }}
{{- end }}

{{/*
The variable DATABASE_URL from a component's own Secret, or from that of all:
(dict "root" $ "own" .Values.registration.database.existingSecret).
*/}}
{{- define "streamcat-operator.databaseUrl" -}}
{{- $common := .root.Values.database.existingSecret }}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ required "database.existingSecret.name is required: the Secret, in the release's namespace, that holds the URL of the PostgreSQL database (under the key database.existingSecret.key)" (default $common.name .own.name) | quote }}
      key: {{ default $common.key .own.key | quote }}
{{- end }}

{{/* How many new accounts a minute each pod of the registration takes on, so that all together keep to the limit. */}}
{{- define "streamcat-operator.maxRegistrationsPerMinute" -}}
{{- $registration := .Values.registration }}
{{- max 1 (div $registration.limits.maxRegistrationsPerMinute (max 1 ($registration.replicas | int64))) }}
{{- end }}

{{/* Variables of every container. */}}
{{- define "streamcat-operator.logEnv" -}}
- name: STREAMCAT_LOG
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

{{/* What a pod's spec ends with: volumes and where it may run. */}}
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
