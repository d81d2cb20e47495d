r"""What banners say, in the languages of most pages, as JavaScript regular expressions.

Each table is of alternatives. `CONSENT`, `NEWSLETTER` and `DECIDES` are searched for; `REJECT`,
`ACCEPT` and `CLOSE` are the whole of a button's label. All without regard to case. `DECIDES` is
what a title or a button says of a dialog that somebody has to answer; it wins over everything. `\b`
means a boundary of a word in any script.
"""

from typing import Final

CONSENT: Final = (
    r"\b(?:uses?|using|accept|store|set|place|about|of) (?:\w+ ){0,3}cookies\b",
    r"\bcookies? (?:policy|consent|notice|settings|preferences|and similar|to )",
    r"\byour (?:privacy|consent)\b.*\b(?:cookies?|partners|tracking|data)\b",
    r"\b(?:verwende[nt]|nutz(?:en|t)|setz(?:en|t)|akzeptier\w+)\b.*\bcookies\b",
    r"\bcookies?\b.*\b(?:einwillig|zustimm|datenschutz)",
    r"\b(?:utilis\w+|accept\w+|dépos\w+)\b.*\b(?:cookies|traceurs)\b",
    r"\b(?:utiliza\w*|usa\w*|usamos|empleamos|acepta\w*)\b.*\bcookies\b",
    r"\b(?:utilizz\w+|usa|usiamo|accett\w+)\b.*\bcookie\b",
    r"\b(?:gebruik\w*|plaats\w*)\b.*\bcookies\b",
    r"\b(?:używa\w*|wykorzystuj\w*|korzysta\w*)\b.*\b(?:cookies|ciastecz\w*)",
    r"\b(?:använder|bruger|bruker|käytämme)\b.*\b(?:cookies|kakor|informasjonskapsler|evästei)",
    r"(?:используем|использует|используются).*(?:cookie|куки)",
    r"(?:クッキー|cookie).*(?:使用|利用|同意)",
    r"(?:使用|采用).*cookie",
    r"쿠키.*(?:사용|동의)",
)

REJECT: Final = (
    (
        r"(?:reject|decline|refuse|deny|disagree)(?: to)?(?: all)?(?: (?:optional|non-essential|"
        r"additional))?(?: cookies)?"
    ),
    (
        r"(?:use |allow |accept |only )*(?:strictly )?(?:necessary|essential|required)"
        r"(?: cookies)?(?: only)?"
    ),
    r"continue without (?:accepting|agreeing)(?: →)?|no,? thanks|do not (?:accept|consent)",
    (
        r"(?:alle(?:s)? )?(?:cookies )?ablehnen|nur (?:technisch )?(?:notwendige|erforderliche|"
        r"essenzielle)(?: cookies)?(?: akzeptieren| zulassen| verwenden)?"
    ),
    (
        r"(?:tout |continuer sans )?(?:refuser|accepter)? ?(?:tout refuser|refuser tout|refuser)"
        r"|continuer sans accepter(?: →)?|nécessaires uniquement"
    ),
    r"rechazar(?: todas?| todo)?(?: las)?(?: cookies)?|solo (?:las )?necesarias",
    r"rifiuta(?:re)?(?: tutti?| tutto)?(?: i cookie)?|solo (?:i )?necessari",
    r"rejeitar(?: tudo| todos)?(?: os cookies)?|recusar(?: tudo)?|apenas necessários",
    r"(?:alles )?(?:weigeren|afwijzen)|alleen noodzakelijke?(?: cookies)?",
    r"odrzuć(?: wszystkie)?|tylko niezbędne",
    (
        r"avvisa(?: alla)?|avvis(?: alle)?|afvis(?: alle)?|endast nödvändiga|kun nødvendige"
        r"|hylkää(?: kaikki)?|vain välttämättömät"
    ),
    r"отклонить(?: все)?|только необходимые",
    r"(?:すべて)?拒否(?:する)?|(?:全部|一律)?拒绝|全部拒絕|모두 거부|거부",
)

ACCEPT: Final = (
    r"(?:accept|allow|agree)(?: to)?(?: all)?(?: cookies)?(?: (?:&|and) (?:close|continue))?",
    r"i (?:accept|agree|understand)|ok(?:ay)?!?|got it!?|understood|yes,? i agree|continue",
    (
        r"(?:alle(?:s)? )?(?:cookies )?(?:akzeptieren|annehmen|zulassen|zustimmen)(?: und .{3,20})?"
        r"|einverstanden|verstanden|ich stimme zu"
    ),
    r"(?:tout )?accepter(?: tout)?(?: et .{3,20})?|j'accepte|d'accord|j\u2019accepte",
    r"aceptar(?: todas?| todo)?(?: las)?(?: cookies)?|acepto|de acuerdo|entendido",
    r"accett[ao](?: tutti?| tutto)?(?: i cookie)?|ho capito|va bene",
    r"aceitar(?: tudo| todos)?(?: os cookies)?|aceito|entendi|concordo",
    r"(?:alles )?(?:accepteren|toestaan)|akkoord|begrepen",
    r"(?:zaakceptuj|akceptuj)(?:ę)?(?: wszystkie)?|zgadzam się|rozumiem",
    r"acceptera(?: alla)?|godta(?: alle)?|godkänn(?: alla)?|tillad alle|accepter alle",
    r"hyväksy(?: kaikki)?",
    r"принять(?: все)?|согласен|хорошо|понятно",
    r"(?:すべて)?(?:同意|許可)(?:する)?|全部接受|接受(?:全部)?|同意|모두 동의|동의",
)

CLOSE: Final = (
    r"[\u00d7\u2715\u2716\u2717\u2718\u2a2f\u2573x]|close(?: .{2,20})?|dismiss|skip",
    r"no,? thanks?(?: you)?|not now|maybe later",
    r"schlie(?:ß|ss)en|nein,? danke|jetzt nicht|später",
    r"fermer|non,? merci|plus tard|pas maintenant",
    r"cerrar|no,? gracias|ahora no|más tarde",
    r"chiudi|no,? grazie|non ora|più tardi",
    r"fechar|não,? obrigad[oa]|agora não",
    r"sluiten|nee,? bedankt|niet nu|zamknij|nie,? dziękuję|stäng|nej tack|lukk?|luk|sulje",
    r"закрыть|нет,? спасибо|閉じる|关闭|關閉|닫기",
)

NEWSLETTER: Final = (
    r"\bnewsletter|\bmailing list\b|\bsubscribe\b|\bsign up (?:for|to|and)\b|\bjoin our\b",
    r"\b\d+ ?% off\b|\bfirst order\b|\bdon.t miss\b|\bin your inbox\b",
    r"\babonnier|\brabatt\b|\binscri\w+.{0,30}(?:newsletter|lettre)|\bsuscr[ií]b|\biscriviti\b",
    r"\bassine\b|\bnieuwsbrief\b|\bnyhetsbrev|\brassylk|рассылк|メルマガ|뉴스레터|订阅",
)

DECIDES: Final = (
    r"\b(?:delete|remove|erase|discard|clear|reset|destroy|revoke|terminate|deactivate)\b",
    r"\b(?:pay|payment|checkout|purchase|buy|order now|place order|confirm order|card)\b",
    r"\b(?:log ?in|sign ?in|log on|password|verify|verification|authorize|transfer|send money)\b",
    r"\b(?:unsubscribe|cancel (?:subscription|order|account)|age|terms of service|contract)\b",
    (
        r"\b(?:löschen|entfernen|verwerfen|bezahlen|zahlung|kaufen|bestellen|anmelden|einloggen|"
        r"passwort|überweisen|kündigen)\b"
    ),
    (
        r"\b(?:supprimer|effacer|payer|paiement|acheter|commander|connexion|se connecter|"
        r"mot de passe|résilier)\b"
    ),
    r"\b(?:eliminar|borrar|pagar|pago|comprar|iniciar sesión|contraseña)\b",
    r"\b(?:elimina|cancella|paga|pagamento|acquista|accedi)\b",
    r"\b(?:excluir|apagar|entrar|senha|verwijderen|betalen|inloggen|usuń|zapłać|zaloguj)\b",
    r"удалить|оплатить|купить|войти|пароль|削除|支払|購入|ログイン",
    r"删除|支付|购买|登录|삭제|결제|로그인",
)
