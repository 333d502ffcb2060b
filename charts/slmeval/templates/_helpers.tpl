{{/* Name of everything in the release: the release's, with the chart's where that is missing. */}}
{{- define "slmeval.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "slmeval.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "slmeval.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "slmeval.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* An image: dict "root" $ "image" <full name or empty> "name" <operator or runner> */}}
{{- define "slmeval.image" -}}
{{- $values := .root.Values.image -}}
{{- $missing := "image.registry is required, for no images are published yet: build them with `make images REGISTRY=<registry>`, push them where the cluster can pull them, and install with --set image.registry=<registry>" -}}
{{- if .image -}}
{{- .image -}}
{{- else -}}
{{- printf "%s/%s:%s" (required $missing $values.registry) .name ($values.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
