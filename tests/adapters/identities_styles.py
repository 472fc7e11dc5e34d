# ruff: noqa: E501 - sentences stay on one line
"""How notes are written in different places: the sentences that the corpus is put together from.

Every sentence is the project's own. `<X>` is where an identity goes; `{...}` is drawn anew each
time: 9 a digit, A a letter, `{date}` and `{day}` dates of nobody's birth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _as_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Style:
    """One way of writing.

    Attributes:
        joint: What stands between two sentences.
        most: How many ordinary sentences there are at most.
        ordinary: Sentences that hold no identity and nothing like one.
        hard: Sentences with what is easily taken for one.
        names: Sentences around a name, by its form.
        patterns: Sentences around what has a form of its own, by kind.
        own: Sentences around any identifier, which say nothing of what it is.
        case: What the style does with capitals.
    """

    name: str
    joint: str
    most: int
    ordinary: tuple[str, ...]
    hard: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    patterns: Mapping[str, tuple[str, ...]]
    own: tuple[str, ...]
    case: Callable[[str], str] = _as_is


SPREAD: Final = (
    "BP {199} / {89}, repeat {119} / {79}.", "Resps {9} / {99} / {9} over the hour.", "Kit lot {9 9 9 9 9 9 9 9 9 9} logged.",
    "Lot {999} / {999} / {9999} expired.", "GCS 4 / 5 / 6.", "Doses at 14 32 and 14 40.", "Given two, then one, then two more.",
    "Third of May event on the square.", "Pain {9} / 10 after one of two.", "SpO2 88 90 92 94 96 98 99 trend.", "Narcan 0 . 4 mg x 2.",
    "Coded T40 . 2X1A and F11 . 129.", "Called at nineteen thirty, back by twenty fifteen.",
)  # fmt: skip
"""What is taken for a number that is written apart or in words: vitals, lots, times, doses, codes."""


_PCR = Style(
    "PCR narrative", " ", 5,
    (
        "Crew dispatched priority 1 for a possible overdose.", "Upon arrival pt found supine on the bathroom floor, apneic and cyanotic.",
        "Pupils pinpoint, skin pale and diaphoretic.", "Pt GCS 3 on contact, GCS 15 after treatment.", "BVM ventilations with OPA at 15 LPM O2.",
        "IV access obtained 18g left AC.", "Pt became alert and oriented x4 and admitted to using a stamp bag of heroin.",
        "Bystanders state pt was last seen normal 20 minutes prior.", "Pt denies chest pain, shortness of breath or trauma.",
        "Vitals reassessed en route without change.", "Transfer of care given to ED RN at bedside with report.", "No further incident.",
        "Patient will be observed for recurrent respiratory depression.", "Family on scene stated the patient uses daily.",
        "BP {199}/{89}, HR {99}, RR 6, SpO2 {89}% on room air.", "ETCO2 {69} mmHg with good waveform.",
    ),
    (
        "Narcan {9} mg IN given by PD prior to arrival.", "Transported to Jackson Memorial emergently.", "Pt found at a shelter on Lincoln St.",
        "Medical command contacted at Thomas Jefferson University Hospital.", "Impression F11.129, T40.411A per protocol.",
        "Kit lot {A99999} exp {date}.", "Naloxone lot # {9999-999-9999} documented.", "Engine 45 Lincoln St side for lift assist.",
        "Incident {99999999} closed at {date} 14:32.", "Pt last discharged from St. Mary's Hospital on {date}.",
        "Scene was the 500 block of Chestnut Street.", "Pt has a history of Parkinson's disease and Bell's palsy.",
        "Kelly clamp and Foley catheter noted from prior admission.", "Poison control 1-800-222-1222 was consulted.",
        "Medic 12 Broad St station responded.", "Pt was found near Martin Luther King Blvd and Frankford Ave.",
        "Charlie response upgraded to Delta by dispatch.", "Grace period for refusal explained; Mark on left arm noted.",
        "Pt was seen at Johns Hopkins Hospital last year.", "ICD code Z59.02 and zip 19134-1234 recorded.",
        "Found in Washington Park behind Franklin High School.", "Glasgow Coma Scale and Cincinnati stroke scale negative.",
        "Release form dated {date} and NPI 1234567893 on file.", "Pt resides at Lincoln Manor Apartments.",
    ),
    {
        "full": ("Pt <X> found unresponsive by family.", "Pt identified as <X> by license on scene.", "<X> was located in the basement by crew.", "Mother of pt, <X>, states he uses fentanyl.", "Care was transferred and <X> signed the refusal.", "Boyfriend <X> gave a dose of Narcan."),
        "given": ("Pt's girlfriend <X> called 911.", "<X> states she used one bag.", "Friend <X> started CPR.", "Crew spoke with <X> on scene."),
        "titled": ("Mr. <X> refused transport.", "Ms. <X> was advised of the risks.", "Officer <X> gave 4 mg Narcan.", "Report given to Dr. <X>."),
        "turned": ("Name on bracelet: <X>.", "Patient <X> with history of OUD.", "ID reads <X>."),
    },
    {
        "ssn": ("SSN <X> obtained from wallet.", "Pt gave social as <X>."),
        "phone": ("Wife can be reached at <X>.", "Call back number <X>.", "Pt cell <X>."),
        "email": ("Pt e-mail is <X>.", "Follow up to <X> requested."),
        "dob": ("Pt DOB <X>.", "DOB: <X>, verified by license.", "Date of birth is <X>."),
        "address": ("Pt lives at <X>.", "Dispatched to <X> for an unconscious person.", "Home address <X>."),
        "plate": ("Vehicle plate <X> parked in front.", "PA license plate <X>."),
        "record-number": ("MRN <X> per hospital.", "Medical record # <X>.", "Pt ID: <X> on bracelet."),
    },
    ("Information on card: <X>.", "Listed as <X> on paperwork.", "Wallet shows <X>."),
)  # fmt: skip

_CAD = Style(
    "CAD notes", " / ", 4,
    (
        "MALE UNCONSCIOUS NOT BREATHING", "CALLER STATES POSS OD", "ON THE BATHROOM FLOOR", "CPR INSTRUCTIONS GIVEN", "NEGATIVE WEAPONS",
        "PD ENROUTE", "SUBJ IN A GRAY SEDAN", "ONE DOSE NARCAN GIVEN BY BYSTANDER", "PT NOW BREATHING", "STAGE FOR PD", "SCENE SECURE",
        "CALLER HUNG UP", "BLUE LIPS, SNORING", "LINE OPEN", "NO ANSWER ON CALLBACK", "MEDIC ADVISED",
    ),
    (
        "XST LINCOLN ST AND 5TH AVE", "RP AT JACKSON MEMORIAL", "ENG 45 LINCOLN ST", "MEDIC 12 FRANKFORD AVE", "31D1 DELTA", "EVENT F{99999999}",
        "CALL RCVD {date} 0345", "NEAR WASHINGTON PARK", "LOC LL(40:02:{99}.{9999},-75:07:{99}.{9999})", "IN FRONT OF GRACE LUTHERAN CHURCH",
        "CASE 26-{999999}", "AT FRANKLIN HIGH SCHOOL", "CHARLIE UNITS RESPOND", "500 BLK CHESTNUT ST", "TRANSPORT TO ST MARYS HOSP",
        "MM 123 ON RT 30", "SECTOR 4 LINCOLN PARK", "FIRE DEPT BATTALION 3 NOTIFIED", "WILL ADVISE", "KING OF PRUSSIA MALL LOT C",
    ),
    {
        "full": ("PT IS <X>", "CALLER <X>", "RP ADVISES MALE IS <X>", "BROTHER <X> ON SCENE", "<X> UNRESPONSIVE IN BASEMENT"),
        "given": ("CALLER IS <X>", "FRIEND <X> DOING CPR", "<X> STATES HE TOOK PILLS"),
        "titled": ("RP MRS <X>", "MR <X> MEETING AT DOOR", "OFC <X> ON SCENE"),
        "turned": ("SUBJ NAME <X>", "PT <X>"),
    },
    {
        "ssn": ("SSN <X>", "SOC <X>"),
        "phone": ("CB# <X>", "CALLBACK <X>", "RP CELL <X>"),
        "email": ("EMAIL <X>",),
        "dob": ("DOB <X>", "PT DOB: <X>"),
        "address": ("AT <X>", "<X> 2ND FLOOR", "LOC: <X>"),
        "plate": ("TAG <X>", "PA PLATE <X>", "VEH LIC <X>"),
        "record-number": ("MRN <X>", "CHART# <X>"),
    },
    ("INFO <X>", "<X> PER RP", "ADVISED <X>"),
    str.upper,
)  # fmt: skip

_OUTREACH = Style(
    "outreach notes", " ", 4,
    (
        "Handed out two kits and test strips.", "Talked about safer use and never using alone.", "Not ready for treatment but open to a follow up visit.",
        "Wound on left leg looks infected, offered a ride to the clinic.", "Reversed an overdose last week with our kit.", "Needs a new ID and a phone.",
        "Staying in the encampment by the tracks.", "Interested in methadone, intake set for next week.", "Very tired today, kept it short.",
        "Gave socks, water and hygiene kit.", "Peer will check back on Thursday.", "Asked about housing list again.",
    ),
    (
        "Kit lot {A9A9999} handed out, expires {date}.", "Met at the van on Lincoln St.", "Wants detox at Jackson Memorial.", "Referred to Prevention Point and Mercy Clinic.",
        "Next appointment {date} at 10.", "Gave the 988 and 1-800-662-4357 cards.", "Was at Kensington Hospital until {date}.", "Sleeps near Washington Park.",
        "Goes to Grace Church for lunch on Sundays.", "Works at the Giant on Frankford Ave.", "Form HR-{9999} completed on {day}.", "Wants Suboxone rather than Vivitrol.",
        "Will be back in May or June, maybe by summer.", "Stayed at St. Francis Inn last night.", "Has a court date on {date} in Montgomery County.",
        "Hope and faith came up a lot today.", "Van parked across from Carter Elementary School.",
    ),
    {
        "full": ("Met <X> at the table.", "Spoke with <X> about detox.", "<X> came by for supplies.", "Her friend <X> was with her.", "Client <X> needs a new phone."),
        "given": ("<X> came by for supplies.", "Met <X> at the van.", "<X> says he is ready for rehab.", "His sister <X> is looking for him.", "Client <X> asked for test strips."),
        "titled": ("Called Ms. <X> at the shelter.", "Saw Mr. <X> again today.", "Nurse <X> looked at the wound."),
        "turned": ("Client: <X>.", "Signed in as <X>."),
    },
    {
        "ssn": ("Needs help with benefits, SSN <X>.", "Social security number is <X>."),
        "phone": ("New number is <X>.", "Text him at <X>.", "Phone: <X>."),
        "email": ("Email is <X>.", "Write to <X> about housing."),
        "dob": ("DOB <X>.", "Born <X>.", "Birthday is <X>."),
        "address": ("Staying at <X>.", "Mail goes to <X>.", "Moved to <X> last month."),
        "plate": ("Lives in a car, plate <X>.", "Car tag <X>."),
        "record-number": ("Medicaid # <X>.", "Client ID <X>."),
    },
    ("Wrote down <X>.", "Card says <X>.", "Found <X> on the form."),
)  # fmt: skip

_ED = Style(
    "ED chief complaint", "; ", 2,
    ("overdose", "OD, heroin", "altered mental status", "unresponsive, narcan given", "resp depression", "opioid withdrawal", "found down", "BIBA s/p OD", "SI with ingestion", "vomiting"),
    ("narcan x2", "T40.2X1A", "from Jackson Memorial", "tx from St. Mary's", "brought by Medic 12", "PD Lincoln St", "seen {date}", "brown powder", "hx F11.20", "Foley", "transfer from Lancaster General", "white pill", "visit {99999999}"),
    {
        "full": ("<X>, OD", "pt <X> unresponsive", "overdose - <X>", "here with mother <X>"),
        "given": ("friend <X> states OD", "per girlfriend <X>"),
        "titled": ("per Dr. <X>", "Mr. <X> OD"),
        "turned": ("<X> - OD", "<X>"),
    },
    {
        "ssn": ("SSN <X>",), "phone": ("call <X>", "ph <X>", "mother <X>"), "email": ("<X>",), "dob": ("DOB <X>", "b-day <X>"), "address": ("from <X>", "found at <X>"),
        "plate": ("plate <X>",), "record-number": ("MRN <X>", "acct # <X>"),
    },
    ("see <X>", "ref <X>", "<X>"),
)  # fmt: skip

_LOWER = Style(
    "terse lower case", ". ", 4,
    ("pt found on floor", "no pulse on arrival", "2 doses in, pt awake", "refused transport", "left ama", "friend on scene", "using alone", "says he will come back", "fent and tranq", "no sores seen"),
    ("lot {a99999} given", "at lincoln st site", "seen at jackson memorial {date}", "t40.5x1a", "by franklin park", "mark on arm", "grace church lunch", "may want detox", "gave 4 kits and 12 strips", "500 block of market st"),
    {
        "full": ("pt <X>", "talked to <X>", "<X> od at home", "name is <X>", "client <X> wants detox"),
        "given": ("friend <X> called", "pt <X> awake now", "met with <X>"),
        "titled": ("mr <X> refused", "ms <X> took kits"),
        "turned": ("name <X>", "client <X>"),
    },
    {
        "ssn": ("ssn <X>",), "phone": ("cell <X>", "call <X>"), "email": ("email <X>",), "dob": ("dob <X>", "born <X>"), "address": ("lives at <X>", "<X> apt 2"),
        "plate": ("plate <X>",), "record-number": ("mrn <X>", "medicaid <X>"),
    },
    ("has <X>", "paper says <X>"),
    str.lower,
)  # fmt: skip

_MIXED = Style(
    "Spanish mixed", " ", 4,
    (
        "Paciente encontrado inconsciente en el baño.", "Pt speaks Spanish only, interpreter used.", "Le dieron dos dosis de Narcan.", "La familia dice que usa heroína.",
        "No quiere ir al hospital.", "Respira bien after treatment.", "Vive en la calle desde enero.", "Entregamos dos kits y agujas nuevas.", "Tiene cita la próxima semana.",
    ),
    (
        "Lote {A99999} vence {date}.", "Fue al Hospital San Juan ayer.", "Encontrado en la calle Lincoln.", "Llevado a Jackson Memorial.", "Iglesia Santa María da comida.",
        "Cita el {date} a las 10.", "Marcar al 988 o 911.", "Cerca del parque Roberto Clemente.", "Código F11.20 y T40.1X1A.",
    ),
    {
        "full": ("El paciente <X> no responde.", "Se llama <X>.", "Su madre <X> llamó al 911.", "Hablé con <X> en la van.", "<X> dice que está bien."),
        "given": ("Su hermano <X> lo encontró.", "Se llama <X>.", "<X> dice que quiere ayuda."),
        "titled": ("La Sra. <X> llamó.", "El Sr. <X> rechazó."),
        "turned": ("Nombre: <X>.", "Paciente: <X>."),
    },
    {
        "ssn": ("Seguro social <X>.",), "phone": ("Teléfono <X>.", "Llamar al <X>.", "Celular: <X>."), "email": ("Correo <X>.",),
        "dob": ("Fecha de nacimiento <X>.", "Nació el <X>.", "DOB <X>."), "address": ("Vive en <X>.", "Dirección: <X>."), "plate": ("Placa <X>.",),
        "record-number": ("Expediente <X>.", "MRN <X>."),
    },
    ("Tarjeta dice <X>.", "Apuntado: <X>."),
)  # fmt: skip

_SOAP = Style(
    "SOAP note", "\n", 4,
    (
        "S: Unknown downtime, housemates heard gurgling.", "O: Minimal respiratory effort, sats in the sixties.", "A: Suspected opioid toxicity with hypoxia.", "P: Ventilate, naloxone titrated, monitor, transport.",
        "Reassessment: improved tidal volume, following commands.", "Lung fields with crackles at the bases.", "Glucose {199} by fingerstick.", "12-lead showed sinus tachycardia.", "Belongings bagged and sent along.",
    ),
    (
        "Naloxone {9} mg, Hospira lot {99999AA}.", "Received from Harrison Street Clinic.", "Reference ticket {99-999999}.", "Receiving: Einstein Medical Center, bed 14.", "Hx per chart {date}: Graves disease, Hodgkin lymphoma.",
        "Mutual aid from Ladder 7 Girard Ave house.", "Geo 39.95{999},-75.16{999}.", "Found outside the Wendy's on Aramingo.", "Bus stop at Allegheny and Jasper.", "Rapid sequence at {date} 03:45 not required.",
        "Levine sign absent, Murphy negative.", "Transported from Clark Park to Penn Presbyterian.",
    ),
    {
        "full": ("S: <X>, adult, brought in by friends.", "Informant: <X> (spouse).", "P: handed over to nurse <X>.", "Next of kin <X> was notified."),
        "given": ("S: Roommate <X> reports two bags.", "Her daughter <X> administered naloxone.", "<X> denies intent to harm."),
        "titled": ("Discussed with Dr. <X>.", "Mrs. <X> declines further care."),
        "turned": ("Patient name: <X>", "Pt: <X>"),
    },
    {
        "ssn": ("Insurance SSN <X>.", "SS# <X>."), "phone": ("Spouse phone <X>.", "Contact <X>."), "email": ("Portal login <X>.",),
        "dob": ("Born on <X>.", "D.O.B. <X>"), "address": ("Residence <X>.", "Picked up from <X>."), "plate": ("Registration <X>.", "License plate no. <X>."),
        "record-number": ("Account number <X>.", "MRN: <X>"),
    },
    ("Label: <X>.", "Scanned <X>."),
)  # fmt: skip

_POLICE = Style(
    "police supplement", " ", 5,
    (
        "R/O responded to the above location for a reported overdose.", "Upon arrival R/O observed an unconscious subject in the driver seat.", "Medics arrived and assumed care.",
        "Several glassine baggies were observed in plain view.", "The subject was transported for evaluation.", "BWC was activated.", "No further police action taken at this time.", "Evidence was logged and placed in the temporary locker.",
    ),
    (
        "Evidence tag {99999} logged under DC {99-99-999999}.", "R/O observed the vehicle parked on Harrison Ave.", "Unit 1412 Girard Ave sector car assisted.", "Report date {date}.", "Subject was stopped by the Marshall County line.",
        "Officers cleared to Jefferson Frankford Hospital.", "The stamp read Black Jack in red ink.", "Stamp bags marked King Kong and Lucky Charlie.", "Checked NCIC/PCIC with negative results.", "The Walter Reed Pavilion lot was empty.",
        "Badge {9999} assigned.", "Complaint 75-48 prepared on {date}.",
    ),
    {
        "full": ("Witness <X> stated he heard a thud.", "The operator was identified as <X>.", "R/O spoke to <X> who found the subject.", "The registered owner is <X>.", "Complainant <X> met police."),
        "given": ("The female, known as <X>, left prior.", "Witness knows him only as <X>."),
        "titled": ("Sgt. <X> was notified.", "Det. <X> took custody of evidence.", "Mr. <X> declined to give a statement."),
        "turned": ("Subject: <X>.", "Victim - <X>."),
    },
    {
        "ssn": ("Subject provided SSN <X>.",), "phone": ("Witness telephone <X>.", "He can be called at <X>."), "email": ("Witness email address <X>.",),
        "dob": ("(DOB <X>)", "with a date of birth of <X>."), "address": ("of <X> stated the same.", "The subject resides at <X>."), "plate": ("bearing PA tag <X>.", "License plate <X> was run."),
        "record-number": ("Inmate number <X>.", "Booking # <X>."),
    },
    ("NCIC returned <X>.", "Paper in pocket read <X>."),
)  # fmt: skip

_SMS = Style(
    "chat, lower case", " - ", 4,
    ("hey team quick update", "dropped 3 kits off", "shes doing ok tonight", "said hed come thru tmrw", "no show today", "super sick, dope sick", "got him water n snacks", "need more 25g", "bus was late again", "he nodded off but breathing"),
    ("by lehigh ave underpass", "kit # {a999}", "dropped at the wawa on girard", "going to temple hospital", "appt {date}", "w the st john's van", "prob at mccormick library", "call 911 if hes down", "frank convo about detox", "at the corner of hope st"),
    {
        "full": ("saw <X> today", "<X> od'd last nite", "can someone find <X>", "talked w <X>"),
        "given": ("his gf <X> texted", "<X> says thx", "hit up <X> for the ride"),
        "titled": ("mrs <X> let us in", "mr <X> is mad"),
        "turned": ("new client <X>",),
    },
    {
        "ssn": ("his ssn <X>",), "phone": ("text <X>", "new cell <X>"), "email": ("email <X>",), "dob": ("dob <X>", "bday <X>"), "address": ("hes at <X>", "drop at <X>"),
        "plate": ("car plate <X>",), "record-number": ("medicaid id <X>", "mrn <X>"),
    },
    ("its <X>", "got <X>"),
    str.lower,
)  # fmt: skip

_TRIAGE = Style(
    "triage, capitals", ". ", 3,
    ("UNRESP AT HOME", "BIBEMS", "NARCAN 2 IN 2 IV", "NOW AAOX3", "DENIES SI/HI", "DENIES FALL", "SATS 92 RA", "SMOKED CRACK LACED W FENT", "PLACED ON MONITOR", "HOLD FOR OBS"),
    ("FROM HARRISON HOUSE REHAB", "LWBS {date}", "EKG TO DR ON CALL", "ROOM 12 BRADY WING", "VISIT # {9999999999}", "HX OF GRAVES DZ", "SENT BY ARIA TORRESDALE", "TRANSF FROM BRYN MAWR", "LOT {999A99}", "DC'D {date} FROM GIRARD MED CTR"),
    {
        "full": ("PT <X> BIBA", "HERE WITH HUSBAND <X>", "REPORT FROM <X>", "<X> FOUND DOWN"),
        "given": ("SON <X> AT BEDSIDE", "PER WIFE <X>"),
        "titled": ("SEEN BY DR <X>", "MRS <X> TEARFUL"),
        "turned": ("<X>, OD", "NAME <X>"),
    },
    {
        "ssn": ("SSN <X>",), "phone": ("PH <X>", "SON CELL <X>"), "email": ("E-MAIL <X>",), "dob": ("DOB <X>",), "address": ("LIVES <X>", "FROM <X>"),
        "plate": ("PLATE <X>",), "record-number": ("MRN <X>", "ACCT <X>"),
    },
    ("BAND <X>", "NOTED <X>"),
    str.upper,
)  # fmt: skip

_INTAKE = Style(
    "Spanish intake", " ", 4,
    (
        "La persona llegó al centro caminando.", "Consume fentanilo por vía nasal todos los días.", "Última sobredosis hace tres semanas.", "Pide ayuda para dormir y comida caliente.", "Duerme debajo del puente.",
        "Necesita curación en la pierna izquierda.", "Acepta naloxona y tiras reactivas.", "Se explicó cómo usar el kit.",
    ),
    (
        "Kit número {99999} entregado el {date}.", "Viene de la clínica Santa Rosa.", "Trabaja en la avenida Girard.", "Tiene audiencia el {date}.", "Estuvo en el Hospital Temple.", "Duerme cerca de la iglesia San Miguel.",
        "Prefiere Suboxone a metadona.", "La línea 1-800-662-4357 fue explicada.",
    ),
    {
        "full": ("Participante <X> solicita desintoxicación.", "La señora <X> acompaña al participante.", "Dice llamarse <X>.", "Su esposo <X> usa también."),
        "given": ("Su hija <X> está embarazada.", "La amiga <X> trajo el kit vacío.", "<X> pide otra cita."),
        "titled": ("El Sr. <X> firma.", "La Sra. <X> espera afuera."),
        "turned": ("Apellidos y nombre: <X>.", "Cliente: <X>."),
    },
    {
        "ssn": ("Número de seguro social <X>.",), "phone": ("Su celular es <X>.", "Tel. <X>."), "email": ("Correo electrónico: <X>.",),
        "dob": ("Fecha de nac. <X>.", "Nacida el <X>."), "address": ("Domicilio: <X>.", "Recibe cartas en <X>."), "plate": ("Carro con placa <X>.",),
        "record-number": ("Medicaid <X>.", "Número de expediente <X>."),
    },
    ("Apunta <X>.", "El papel dice <X>."),
)  # fmt: skip

_SOCIAL = Style(
    "hospital social work", " ", 4,
    (
        "SW met with pt at bedside to complete psychosocial assessment.", "Pt reports unstable housing since losing employment.", "Pt scored high on the depression screen.", "Warm handoff to recovery coach completed.",
        "Pt verbalized understanding of discharge instructions.", "Barriers include transportation and lack of identification.", "SW will continue to follow during admission.", "Pt agreeable to bridge prescription of buprenorphine.",
    ),
    (
        "Bed search: Gaudenzia, Fairmount Behavioral, Belmont, Valley Forge.", "Pt prefers the Horizon House location on Chester Avenue.", "Next visit {date} with the Addison clinic.", "Insurance verified through Keystone First on {day}.", "Admitted {date} under observation, MS-DRG 917.",
        "Prior stay at Eagleville until {date}.", "Pt attended Overbrook Elementary and Roxborough High.", "Prescription for Narcan nasal {9} mg sent to the Walgreens on Germantown Avenue.", "Pt follows the Twelve Steps and reads Marcus Aurelius.", "Chart flag: Wernicke, Korsakoff ruled out.",
    ),
    {
        "full": ("Emergency contact is <X>, aunt.", "Collateral obtained from <X> by phone.", "Pt's daughter <X> arrived at bedside.", "Case discussed with <X> from housing."),
        "given": ("Pt is worried about her cat and her son <X>.", "Partner <X> declined to comment.", "Voicemail left for brother <X>."),
        "titled": ("Attending Dr. <X> updated.", "Ms. <X> consents to referral.", "Probation officer <X> was informed."),
        "turned": ("Re: <X>.", "Patient: <X>."),
    },
    {
        "ssn": ("Application needs SSN: <X>.",), "phone": ("Aunt's phone is <X>.", "Coach can be texted at <X>."), "email": ("Coach email: <X>.",), "dob": ("Child's date of birth <X>.", "DOB <X> confirmed."),
        "address": ("Discharge address: <X>.", "Aunt lives at <X>."), "plate": ("Car with license plate <X> towed.",), "record-number": ("Medicaid ID <X>.", "Account # <X>."),
    },
    ("Face sheet lists <X>.", "Per referral packet: <X>."),
)  # fmt: skip

_CORONER = Style(
    "coroner's investigator", " ", 5,
    (
        "Decedent was found seated on the toilet with rigor present.", "Last known alive the previous evening by phone.", "No suspicious circumstances were noted.", "Syringe, cooker and orange caps were collected.", "Body was released to the transport service.",
        "Toxicology is pending.", "Prior overdoses in the past year are reported.", "Residence was secured by police.",
    ),
    (
        "Blue wax bags stamped Johnny Walker were retained.", "Exam scheduled for {date} at 0900.", "Case {9999}-{9999} assigned.", "Found in the 1900 block of Susquehanna Avenue.", "Pill imprint M{99} and K{9} identified.", "Pronounced at Roxborough Memorial at {date} 0412.",
        "Medications: lisinopril, sertraline, Lantus.", "Cause pending; manner per Title 16.", "Prior contact with Northwestern Human Services.", "Motel 6 register reviewed for {date}.",
    ),
    {
        "full": ("Decedent identified as <X> by fingerprint.", "Next of kin is <X>, sister.", "Scene statement given by <X>.", "Landlord <X> opened the unit."),
        "given": ("Housemate <X> heard nothing overnight.", "<X> told police he had relapsed.", "Fiancee <X> found him."),
        "titled": ("Trooper <X> secured the scene.", "Attended by Dr. <X>.", "Mr. <X> of the funeral home arrived."),
        "turned": ("Decedent: <X>.", "NOK <X>."),
    },
    {
        "ssn": ("Decedent SSN <X>.",), "phone": ("NOK telephone <X>.", "Sister reached at <X>."), "email": ("Statement e-mailed from <X>.",), "dob": ("DOB: <X>.", "The decedent was born on <X>."),
        "address": ("Decedent resided at <X>.", "Occurred at <X>."), "plate": ("Vehicle bearing tag <X>.",), "record-number": ("Hospital MRN <X>.", "Inmate ID <X>."),
    },
    ("Toe tag reads <X>.", "Property bag marked <X>."),
)  # fmt: skip

_RADIO = Style(
    "radio log", " * ", 4,
    ("ON LOCATION", "COMMAND ESTABLISHED", "ONE PATIENT CONSCIOUS ALERT", "SECOND PATIENT REFUSING", "RETURNING AVAILABLE", "REQUESTING LAW ENFORCEMENT", "LUNCHROOM OF THE FACTORY", "TWO NASAL DOSES ADMINISTERED", "ETA FOUR MINUTES", "HOLDING SHORT"),
    ("AMBULANCE 293 LEHIGH AVE", "AREA OF WYOMING AND WHITAKER", "ALPHA RESPONSE DOWNGRADED", "BOX {9999}", "TO EPISCOPAL VIA ARAMINGO AVE", "BEHIND THE HOLIDAY INN", "RUN {999999} AT 2215 {date}", "VICTOR UNITS CLEAR", "CROSS OF PRINCE AND QUEEN ST", "MEDEVAC LZ AT DIXON FIELD"),
    {
        "full": ("PATIENT NAME <X>", "<X> IS REFUSING", "MEET WITH <X> AT GATE"),
        "given": ("MOTHER <X> ON LINE", "<X> SAYS SHE IS FINE"),
        "titled": ("MEET MR <X>", "SGT <X> REQUESTS SUPERVISOR"),
        "turned": ("LAST, FIRST: <X>",),
    },
    {
        "ssn": ("SOCIAL <X>",), "phone": ("CELL <X>", "CALL MOTHER AT <X>"), "email": ("EMAIL <X>",), "dob": ("DOB <X>",), "address": ("RESPOND TO <X>", "<X> SIDE DOOR"), "plate": ("TAG <X>",), "record-number": ("MRN <X>",),
    },
    ("COPY <X>", "READS <X>"),
    str.upper,
)  # fmt: skip

_COMMENT = Style(
    "short comment field", ", ", 1,
    ("box truck route", "walk-in", "2 kits", "first visit", "returning", "mobile site", "none", "see log", "restock", "IM preferred", "evening hours", "spanish speaking"),
    ("Hamilton", "Jackson", "Grace House", "Lincoln Square site", "lot {999999}", "St Vincent de Paul", "Site {99} Montgomery Ave", "NDC 69547-0353-02", "Mercy Life Center", "Wilson Park table", "Kingsessing Library", "Unit {999}", "R{99} van", "Tyler"),
    {
        "full": ("<X>", "c/o <X>", "given to <X>", "<X> (client)"),
        "given": ("ask for <X>", "friend <X>"),
        "titled": ("Mr. <X>", "Nurse <X>"),
        "turned": ("<X>",),
    },
    {
        "ssn": ("<X>", "ssn <X>"), "phone": ("<X>", "cell <X>"), "email": ("<X>",), "dob": ("dob <X>", "born <X>"), "address": ("<X>", "drop at <X>"), "plate": ("plate <X>",), "record-number": ("mrn <X>", "chart <X>"),
    },
    ("<X>", "for <X>"),
)  # fmt: skip

_DETOX = Style(
    "detox intake nurse", " ", 4,
    (
        "Last use this morning, two bundles daily.", "COWS score {19} on arrival.", "Clonidine and comfort meds ordered.", "Skin check with healing ulcers on forearm.", "Urine screen positive for fentanyl and cocaine.",
        "Ambulates independently with steady gait.", "Belongings inventoried and stored.", "Declined nicotine patch.",
    ),
    (
        "Referred by Sister Mary Clinic on Emerald Street.", "Transferred from Norristown State Hospital {date}.", "Vivitrol lot {999-9999} held.", "Prior treatment at Malvern and at Livengrin in {date}.", "Attends Trinity Baptist on Tioga Street.", "Trazodone 50 mg, Remeron 15 mg qhs.",
        "Bunk 12 Cedar wing assigned.", "ASAM level 3.7, code H0010.", "Roommate change requested for {date}.", "Phone calls allowed after 72 hours, ext. {9999}.",
    ),
    {
        "full": ("Writer met with <X> for intake.", "Significant other <X> dropped him off.", "Room shared with <X>.", "<X> requests early discharge."),
        "given": ("Father of her child, <X>, is incarcerated.", "Ex <X> has custody.", "<X> reports nausea overnight."),
        "titled": ("Counselor <X> assigned.", "Dr. <X> to evaluate.", "Ms. <X> slept well."),
        "turned": ("Client <X>.", "Chart of <X>."),
    },
    {
        "ssn": ("Verified with SSN <X>.",), "phone": ("Cell <X>.", "Emergency contact phone: <X>."), "email": ("Email on file <X>.",), "dob": ("Client DOB <X>.", "Date of birth: <X>."),
        "address": ("Last address <X>.", "Lives with mother at <X>."), "plate": ("Parked, plate <X>.",), "record-number": ("Chart # <X>.", "Medicaid number <X>."),
    },
    ("Intake form says <X>.", "On file: <X>."),
)  # fmt: skip

_FIRE = Style(
    "fire run report", " ", 4,
    (
        "Crew found adult breathing four times a minute.", "Rescue breathing started with pocket mask.", "Law enforcement had already administered nasal naloxone.", "Ambulance crew took over patient care.", "Apparatus returned to quarters.",
        "No hazards found on arrival.", "Door was unlocked by maintenance.", "Second occupant refused evaluation.",
    ),
    (
        "Truck 17 Orthodox Street covered.", "Hydrant at Torresdale and Cottman was not used.", "Alarm {99-9999} received {date}.", "Station 28 Belgrade Street notified.", "Located behind the Dollar General on Bridge Street.", "Zoll monitor and Lucas device were applied.",
        "Patient taken to Nazareth Hospital.", "Naloxone vial NDC 00409-1215-01 discarded.", "Stryker stretcher used; Kling wrap applied.", "Training with Captain's aide set for {date}.",
    ),
    {
        "full": ("Occupant <X> met the crew.", "Patient <X> regained consciousness.", "Spoke with building owner <X>.", "Neighbor <X> performed CPR."),
        "given": ("His cousin <X> translated.", "The wife, <X>, rode along."),
        "titled": ("Captain <X> filed this report.", "Firefighter <X> was exposed.", "Mr. <X> declined."),
        "turned": ("Name: <X>.", "Patient - <X>."),
    },
    {
        "ssn": ("SSN <X>.",), "phone": ("Owner phone <X>.", "Call <X> for keys."), "email": ("Email <X>.",), "dob": ("DOB <X>.", "born <X>."), "address": ("Responded to <X>.", "Owner address <X>."),
        "plate": ("Plate <X> blocking the hydrant.",), "record-number": ("MRN <X>.",),
    },
    ("Card read <X>.", "Noted <X>."),
)  # fmt: skip

_REMARKS = Style(
    "remarks column, capitals", "; ", 2,
    ("KIT REPLACED", "TRAINED ON SITE", "REFUSED SURVEY", "USED ON BROTHER", "SAVED", "EMS CALLED", "NO EMS", "THIRD VISIT", "WANTS TEST STRIPS"),
    ("EAST SIDE VAN", "CLINTON CO FAIR", "LOT {99A999}", "ST LUKES", "HARVEST FEST", "VIA LOGAN TRIANGLE", "PARKSIDE LIB", "TEEN CHALLENGE", "KITS {99}", "HOWARD ST SITE", "BOX 2 OF 4", "FORM {9999-99}"),
    {
        "full": ("<X>", "FOR <X>", "TO <X>", "CLIENT <X>"),
        "given": ("SISTER <X>", "GAVE TO <X>"),
        "titled": ("MRS <X>", "NURSE <X>"),
        "turned": ("<X>", "NAME <X>"),
    },
    {
        "ssn": ("SSN <X>",), "phone": ("CELL <X>", "PH <X>"), "email": ("<X>",), "dob": ("DOB <X>",), "address": ("<X>", "MAIL TO <X>"), "plate": ("PLATE <X>",), "record-number": ("MRN <X>", "CHART <X>"),
    },
    ("<X>", "SEE <X>"),
    str.upper,
)  # fmt: skip

_CLINIC = Style(
    "clinic progress note", " ", 4,
    (
        "Follow-up for opioid use disorder on buprenorphine.", "Reports cravings twice weekly.", "No withdrawal today.", "Urine consistent with prescription.", "Dose increased to 16 mg.", "Sleep is poor.", "Counseled on naloxone at home.", "Return in two weeks.",
    ),
    (
        "PDMP checked {date}.", "Prior authorization by Geisinger Family on {day}.", "Labs at Quest on Lombard Street.", "Fills at Duane Reade on Dauphin Street.", "Hepatitis care at Ridge Avenue Health Center.", "Seen at Temple Episcopal for abscess {date}.",
        "Works at Tasty Baking near Tyson Avenue.", "Meetings at Saint Mark Church.", "Zubsolv and Sublocade compared, lot {99A99}.", "Letter for Judge's court in Delaware County.", "Attends Roberts School for GED.",
    ),
    {
        "full": ("Accompanied by partner <X>.", "Peer <X> joined the visit.", "Care plan shared with <X>.", "Patient <X> seen today."),
        "given": ("Daughter <X> starts school soon.", "Mother <X> holds the medication.", "<X> wants to taper."),
        "titled": ("Dr. <X> covering.", "Mrs. <X> called for refill.", "Counselor <X> agrees."),
        "turned": ("Name: <X>.", "Seen: <X>."),
    },
    {
        "ssn": ("SSN <X> for the form.",), "phone": ("Pharmacy to call patient at <X>.", "Mobile <X>."), "email": ("Portal e-mail <X>.",), "dob": ("Patient's date of birth <X>.", "DOB <X>."),
        "address": ("Moved to <X>.", "Ship to <X>."), "plate": ("Valet plate <X>.",), "record-number": ("MRN <X>.", "Member ID <X>."),
    },
    ("Form lists <X>.", "Scanned card: <X>."),
)  # fmt: skip

_TIPS = Style(
    "dispatch text, lower case", ", ", 4,
    ("male down in the bathroom", "not breathing per caller", "narcan on scene", "door locked", "second caller says he is awake", "medics delayed", "engine company first due", "caller will wave down units"),
    ("at broad and erie", "inside the rite aid", "laurel st side", "behind st anne's church", "call # {9999999}", "near drexel stadium", "cross of tulip st", "by the wells fargo on cottman", "room {999} days inn", "at the dunkin on academy rd", "tac 5 per battalion {9}"),
    {
        "full": ("patient is <X>", "caller is <X>", "<X> down on the floor"),
        "given": ("wife <X> doing cpr", "ask for <X>", "friend <X> with him"),
        "titled": ("mr <X> at the desk", "ofc <X> has narcan"),
        "turned": ("name <X>",),
    },
    {
        "ssn": ("ssn <X>",), "phone": ("callback <X>", "cell <X>"), "email": ("email <X>",), "dob": ("dob <X>",), "address": ("at <X>", "go to <X>"), "plate": ("plate <X>", "tag <X>"), "record-number": ("mrn <X>",),
    },
    ("says <X>", "<X> given"),
    str.lower,
)  # fmt: skip

_SCHOOL = Style(
    "program report", " ", 3,
    (
        "Volunteers packed kits for the weekend.", "A participant reported a reversal at home.", "We trained twelve people in the morning.", "The nurse treated two wounds.", "Rain kept attendance low.", "Strips were gone by noon.", "One person asked for a ride to detox.",
    ),
    (
        "Supplies came from Remedy Alliance, lot {9999A}.", "The table stood outside Norris Square Library.", "Next event {date} at Fairhill.", "Partners were Sol Collective and Angels in Motion.", "Kits {999} to {999} used.", "The Eagles game closed Pattison Avenue.",
        "Funds from the Scattergood Foundation.", "Lunch by Stephen's Kitchen.", "We met at the Francis Myers site.", "Grant reporting is due {date}.",
    ),
    {
        "full": ("Volunteer <X> took the notes.", "A man named <X> asked for help.", "Our participant <X> relapsed.", "Thanks to <X> for driving."),
        "given": ("<X> told us he lost his bag.", "We spoke with <X> about housing.", "His brother <X> died last week."),
        "titled": ("Nurse <X> led the training.", "Ms. <X> brought clothes."),
        "turned": ("Attendee: <X>.",),
    },
    {
        "ssn": ("He gave his SSN, <X>.",), "phone": ("She left her number, <X>.", "Reach him at <X>."), "email": ("Contact: <X>.",), "dob": ("DOB <X> for the form.", "He was born on <X>."),
        "address": ("He sleeps at <X>.", "Deliver to <X>."), "plate": ("License plate <X> blocked us.",), "record-number": ("Medicaid ID <X>.",),
    },
    ("The sheet shows <X>.", "Left behind: <X>."),
)  # fmt: skip

STYLES: Final[Mapping[str, tuple[Style, ...]]] = {
    "tuned": (
        *(_PCR, _CAD, _OUTREACH, _ED, _LOWER, _MIXED, _SOAP, _POLICE, _SMS, _TRIAGE, _INTAKE),
        *(_SOCIAL, _CORONER, _RADIO, _COMMENT, _DETOX, _FIRE, _REMARKS),
    ),
    "held-out": (_CLINIC, _TIPS, _SCHOOL),
}
"""Which styles the rules were written against, and which they never saw."""
