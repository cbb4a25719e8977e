"""Who works at the demo firms and who comes to them. All invented; numbers and addresses are reserved."""

from dataclasses import dataclass

from webapp.vocabulary import OutcomePolicy, Role

PASSWORD = "teapot lantern meadow"  # noqa: S105 - printed on purpose; demo firms are refused in production

HALF_A_YEAR = 26 * 7
"""Days: enough for twelve whole weeks beside the twelve before them."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who signs in. ``kinds`` are the appointment types they take; without any they take none.

    ``room`` is where they see people. ``missed`` is how many times as often as others they wait in vain.
    """

    name: str
    role: Role
    kinds: tuple[str, ...] = ()
    room: str = ""
    missed: float = 1.0

    @property
    def email(self) -> str:
        return f"{self.name.lower().replace(' ', '.')}@example.com"


VIDEO = "Video consultation"


@dataclass(frozen=True, slots=True)
class Kind:
    """An appointment type; of a ``tracked`` one the provider reports who joined.

    ``in_room`` ones are held in the room of whoever takes them.
    """

    name: str
    minutes: int
    location: str
    in_room: bool = True
    tracked: bool = False


@dataclass(frozen=True, slots=True)
class House:
    """A demo firm. ``days`` are how far back and ahead its calendar reaches; ``gaps`` are minutes between.

    It has grown: on the first days its diary had ``began`` of the meetings that it has now.
    ``policy`` is for both outcomes that nobody entered; for ``complete_after`` minutes a meeting that has
    ended is left to people.
    """

    name: str
    slug: str
    timezone: str
    us_style: bool
    opens: int
    closes: int
    staff: tuple[Colleague, ...]
    kinds: tuple[Kind, ...]
    accounts: tuple[str, ...]
    contacts: tuple[str, ...]
    phone: str
    days: tuple[int, int]
    gaps: tuple[int, ...]
    began: float
    policy: OutcomePolicy
    complete_after: int


MARLOW = House(
    name="Marlow Lane",
    slug="marlow-lane",
    timezone="Europe/London",
    us_style=False,
    opens=510,
    closes=1080,
    staff=(
        Colleague("Helen Marlow", Role.OWNER),
        Colleague("Priya Raman", Role.MANAGER),
        Colleague(
            "Lena Vogel", Role.STAFF, ("Portfolio review", "Portfolio review", "Annual review"), "Room 1"
        ),
        Colleague(
            "Tomas Reid",
            Role.STAFF,
            ("Initial consultation", "Initial consultation", "Pension advice"),
            "Room 3",
            missed=3.4,
        ),
        Colleague(
            "Daniel Osei", Role.STAFF, ("Tax return review", "Tax planning", "Annual review"), "Room 4"
        ),
        Colleague(
            "Ines Duarte",
            Role.STAFF,
            ("Document signing", "Will and estate", "Initial consultation"),
            "Room 2",
        ),
        Colleague("Maya Hughes", Role.STAFF),
        Colleague("Jonah Pike", Role.VIEWER),
    ),
    kinds=(
        Kind("Initial consultation", 30, "Room 3"),
        Kind("Portfolio review", 45, "Room 1"),
        Kind("Tax return review", 45, "Room 4"),
        Kind("Tax planning", 45, "Video call", in_room=False),
        Kind("Will and estate", 45, "Room 2"),
        Kind("Document signing", 30, "Room 2"),
        Kind("Annual review", 60, "Room 4"),
        Kind("Pension advice", 45, "Phone", in_room=False),
        Kind(VIDEO, 45, "Video call", in_room=False, tracked=True),
    ),
    accounts=(
        "Wren Trust",
        "Harbour & Pine Ltd",
        "Okafor Family Office",
        "Northlight Studios",
        "Cobalt Ceramics",
        "St Aldhelm’s Almshouses",
        "Beacon Street Dental",
        "Tanaka Trading KK",
        "Larkspur Veterinary Group",
        "Osprey Marine Surveyors",
        "The Fern & Fig Bakery",
        "Whitaker Brothers Joinery",
        "Hudson & Vale LLP",
        "Lindqvist Design AB",
        "Kingfisher Community Energy Cooperative",
    ),
    # name|local part of the e-mail address, if it does not follow from the name|zone|@index of the account
    contacts=(
        "Amara Okafor||America/New_York|@2",
        "Henrik Solberg",
        "Grace Adeyemi",
        "Jonas Weber",
        "Fatima Rahimi",
        "Chloe Martin",
        "Samuel Ortiz",
        "Beatriz Lima",
        "Noah Fischer",
        "Ivy Thompson||@10",
        "Leo Marchetti",
        "Aisha Karim",
        "Sofia Petrov",
        "Patrick Lowe",
        "Liam O’Connor|liam.oconnor",
        "Ben Whitaker||@11",
        "Mei Chen",
        "Gabriel Santos",
        "Nadia Haddad",
        "Theo Lambert",
        "Elsa Lindqvist||@13",
        "Omar Farouk",
        "Isla Munro",
        "田中 陽子|yoko.tanaka|Asia/Tokyo|@7",
        "佐藤 健|ken.sato|Asia/Tokyo|@7",
        "Ольга Ковальчук|olha.kovalchuk",
        "Дмитро Шевченко|dmytro.shevchenko",
        "Ελένη Παπαδοπούλου|eleni.papadopoulou",
        "محمد الهاشمي|mohammed.alhashimi",
        "נועה לוי|noa.levi",
        "अनन्या शर्मा|ananya.sharma",
        "陈美玲|meiling.chen",
        "김민준|minjun.kim",
        "สมชาย วงศ์สวัสดิ์|somchai.wongsawat",
        "Nguyễn Thị Minh Khai|minhkhai.nguyen",
        "Þórdís Björk Gunnarsdóttir|thordis.gunnarsdottir",
        "Łukasz Wiśniewski|lukasz.wisniewski",
        "Søren Kjærgaard|soren.kjaergaard",
        "Zoë van der Meer|zoe.vandermeer",
        "François Bélanger|francois.belanger||@3",
        "María José Fernández de la Cruz y Ortega|mariajose.fernandez",
        "Wolfeschlegelsteinhausen Bergerdorff Hubert Blaine the Younger|hubert.wolfe",
        "Adebayo Oluwaseun Chukwuemeka Nwosu-Ogunleye|bayo.nwosu",
        "Sri Lakshmi Venkatanarasimharajuvaripeta|lakshmi.v",
        "Caoimhe Ní Dhomhnaill|caoimhe.nidhomhnaill",
        "Siobhán McLaughlin|siobhan.mclaughlin",
        "Rhys ap Llywelyn|rhys.llywelyn",
        "Kwame Mensah",
        "Akua Boateng",
        "Chidi Nwachukwu||@2",
        "Ngozi Okafor||America/New_York|@2",
        "Tunde Bakare",
        "Zanele Dlamini",
        "Thabo Nkosi",
        "Hana Suzuki||Asia/Tokyo|@7",
        "Yuki Nakamura||@7",
        "Jin Park",
        "Wei Zhang",
        "Li Na",
        "Priyanka Iyer",
        "Arjun Mehta",
        "Imran Siddiqui",
        "Zainab Hussain",
        "Yusuf Demir",
        "Elif Kaya",
        "Leyla Mansour",
        "Karim Benali",
        "Rania Khoury",
        "David Cohen",
        "Miriam Roth",
        "Anna Kowalska",
        "Piotr Nowak",
        "Katarzyna Lewandowska",
        "Ivana Horvat",
        "Marko Jovanović|marko.jovanovic",
        "Elena Ionescu",
        "Mihai Popa",
        "Giulia Ferrari",
        "Matteo Conti",
        "Lucía Navarro|lucia.navarro",
        "Javier Molina",
        "João Pereira|joao.pereira",
        "Inês Carvalho|ines.carvalho",
        "Camille Laurent||@3",
        "Antoine Moreau",
        "Johanna Schneider",
        "Karl-Heinz Brandt",
        "Femke de Vries",
        "Astrid Nilsson||@13",
        "Aino Virtanen",
        "Oliver Bennett||@1",
        "Charlotte Hughes||@1",
        "George Ashworth||@9",
        "Harriet Penrose||@8",
        "Edward Blackwood||@12",
        "Margaret Sutherland||@5",
        "Arthur Pemberton||@5",
        "Florence Whitcombe||@0",
        "William Trelawney||@0",
        "Rosalind Fairfax||@0",
        "Dorothy Hale||@5",
        "Alfie Turner||@10",
        "Poppy Barker||@10",
        "Callum Fraser||@9",
        "Eilidh MacKenzie||@9",
        "Owen Griffiths",
        "Bronwen Pritchard",
        "Declan Byrne",
        "Aoife Kelly",
        "Sean Gallagher||@6",
        "Rachel Stein||America/New_York|@12",
        "Marcus Johnson||America/New_York|@12",
        "Emily Carter||America/New_York",
        "Tyrone Washington||America/New_York",
        "Valentina Rojas",
        "Diego Castillo",
        "Renata Souza",
        "Joy Mutua||@14",
        "Samira Ali||@14",
        "Robin Ellis||@4",
        "Alex Morgan||@4",
        "Sam Taylor||@6",
        "Jo March",
        "Wu Bo",
    ),
    phone="020 7946 0{:03d}",
    days=(HALF_A_YEAR, 28),
    gaps=(0, 15, 30, 45, 60, 90),
    began=0.4,
    policy=OutcomePolicy.DECIDE,
    complete_after=3 * 24 * 60,
)

ALDER = House(
    name="Alder & Finch Clinic",
    slug="alder-finch",
    timezone="America/New_York",
    us_style=True,
    opens=480,
    closes=1020,
    staff=(
        Colleague("Miriam Finch", Role.OWNER, ("Physiotherapy", "First visit"), "Suite A"),
        Colleague("Andre Alder", Role.MANAGER, ("Physiotherapy", "Follow-up"), "Suite B"),
        Colleague("Rosa Delgado", Role.STAFF),
    ),
    kinds=(
        Kind("First visit", 60, "Suite A"),
        Kind("Physiotherapy", 45, "Suite B"),
        Kind("Follow-up", 30, "Suite B"),
        Kind(VIDEO, 45, "Video call", in_room=False, tracked=True),
    ),
    accounts=("Riverside School District", "Empire Couriers Inc."),
    contacts=(
        "Walter Brooks||@1",
        "Gloria Vasquez||@0",
        "Henry Kim",
        "Denise Walker||@0",
        "Amara Okafor|amara.o",
        "Luis Herrera||@1",
        "Susan Goldberg",
        "Ravi Patel",
        "Tamika Jefferson||@0",
        "Michael O’Brien|michael.obrien",
        "Xiomara Reyes",
        "Stanisław Zieliński|stan.zielinski",
        "Barbara Nowicki",
        "Keisha Grant||@1",
        "Paul Ferrante",
        "Ming Liu",
    ),
    phone="(212) 555-0{:03d}",
    days=(HALF_A_YEAR, 8),
    gaps=(120, 150, 180, 210),
    began=0.4,
    policy=OutcomePolicy.SUGGEST,
    complete_after=60,
)

HOUSES = (MARLOW, ALDER)
