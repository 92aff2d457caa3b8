"""The forms that issuers give their keys and tokens, so that one is known wherever it stands.

The issuers' documented prefixes; the lengths are lower bounds where they have grown over the years.
"""

from __future__ import annotations

from compliance.inspection.patterns import any_of

API_KEYS = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",  # Amazon Web Services
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"GOCSPX-[A-Za-z0-9_-]{24,}",
    r"sk-(?:ant|proj|svcacct|admin|or|lf)-[A-Za-z0-9_-]{16,}",  # Anthropic, OpenAI, OpenRouter, Langfuse
    r"sk-[A-Za-z0-9]{20,}",
    r"(?:gsk_|pplx-|xai-|nvapi-|r8_|tvly-)[A-Za-z0-9_-]{32,}",  # Groq, Perplexity, xAI, NVIDIA, Replicate, Tavily
    r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}",  # LangSmith
    r"[rs]k_(?:live|test|prod)_[A-Za-z0-9]{10,}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{16,}",
    r"SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # SendGrid
    r"SK[0-9a-f]{32}\b",  # Twilio
    r"key-[0-9a-f]{32}\b",  # Mailgun
    r"[0-9a-f]{32}-us[0-9]{1,2}\b",  # Mailchimp
    r"xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}",  # Brevo
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{50,}",
    r"rubygems_[a-f0-9]{48}",
    r"(?:hf|api_org)_[A-Za-z0-9]{30,}",  # Hugging Face
    r"do[opr]_v1_[a-f0-9]{64}",  # DigitalOcean
    r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}",  # Square
    r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",  # Shopify
    r"lin_api_[A-Za-z0-9]{32,}",  # Linear
    r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}",  # Postman
    r"NRAK-[A-Z0-9]{27}",  # New Relic
    r"glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}",  # Grafana
    r"AT(?:ATT|CTT)3[A-Za-z0-9_=-]{50,}",  # Atlassian
    r"ATBB[A-Za-z0-9]{32}",
    r"dapi[a-f0-9]{32}",  # Databricks
    r"pul-[a-f0-9]{40}",  # Pulumi
    r"sntry[su]_[A-Za-z0-9+/=_-]{40,}",  # Sentry
    r"(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{20,})",  # Supabase
    r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,}",  # PlanetScale
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}",  # Azure, an application's client secret
)
ACCESS_TOKENS = (
    r"gh[pousr]_[A-Za-z0-9]{30,}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,}",
    r"gl(?:pat|ptt|dt|rt|cbt|ft|imt|agent|soat|oas)-[A-Za-z0-9_-]{20,}",  # GitLab
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",  # Slack
    r"xapp-[0-9]-[A-Za-z0-9-]{10,}",
    r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/]{20,}",
    r"discord(?:app)?\.com/api/webhooks/[0-9]{15,20}/[A-Za-z0-9_-]{40,}",
    r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",  # Discord
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
    r"ya29\.[A-Za-z0-9_-]{20,}",  # Google
    r"1//0[A-Za-z0-9_-]{30,}",
    r"EAA[A-Za-z0-9]{80,}",  # Facebook
    r"dckr_pat_[A-Za-z0-9_-]{27,}",
    r"figd_[A-Za-z0-9_-]{36,}",
    r"hv[sbr]\.[A-Za-z0-9_-]{24,}",  # Vault
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",  # JSON Web Tokens (RFC 7519)
)

# Group 1 an API key, group 2 an access token.
BY_FORM = rf"\b(?:({any_of(API_KEYS)})|({any_of(ACCESS_TOKENS)}))"
