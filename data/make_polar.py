"""Writes data/polar.jsonl: short statements whose polarity turns on one word, made of word lists and frames.

Run ``python data/make_polar.py``; the output is the same each time. The lists below were written by a language model
for this project. Labelled sources are long-winded: none says plainly that "a bad idea" opposes "we should".
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

OUT = Path(__file__).parent / "polar.jsonl"
DEV_SHARE = 0.15
Row = dict[str, str]

#: what to do | the thing | doing it
POLICIES = """
tax sugary drinks | a tax on sugary drinks | taxing sugary drinks
ban homework | a ban on homework | banning homework
ban plastic toys | a ban on plastic toys | banning plastic toys
legalise cannabis | the legalisation of cannabis | legalising cannabis
raise the minimum wage | a higher minimum wage | raising the minimum wage
abolish tipping | the abolition of tipping | abolishing tipping
introduce a wealth tax | a wealth tax | introducing a wealth tax
privatise the railways | railway privatisation | privatising the railways
nationalise the water companies | public ownership of the water companies | nationalising the water companies
cap executive pay | a cap on executive pay | capping executive pay
lower the voting age | a lower voting age | lowering the voting age
make voting compulsory | compulsory voting | making voting compulsory
abolish the monarchy | the abolition of the monarchy | abolishing the monarchy
restrict immigration | stricter immigration rules | restricting immigration
open the borders | open borders | opening the borders
subsidise theatre tickets | subsidised theatre tickets | subsidising theatre tickets
close zoos | the closure of zoos | closing zoos
allow assisted dying | assisted dying | allowing assisted dying
ban animal testing | a ban on animal testing | banning animal testing
arm the police | an armed police force | arming the police
build more prisons | prison expansion | building more prisons
abolish school uniforms | the end of school uniforms | abolishing school uniforms
extend the school day | a longer school day | extending the school day
teach philosophy to children | philosophy lessons for children | teaching philosophy to children
ban phones in classrooms | a ban on phones in classrooms | banning phones in classrooms
cancel student debt | student debt cancellation | cancelling student debt
fund space missions | public money for space missions | funding space missions
colonise Mars | a colony on Mars | colonising Mars
regulate social media | the regulation of social media | regulating social media
break up big tech firms | the break-up of big tech firms | breaking up big tech firms
ban facial recognition | a ban on facial recognition | banning facial recognition
pause AI research | a pause in AI research | pausing AI research
adopt a four-day week | a four-day week | adopting a four-day week
allow remote work | remote work | allowing remote work
raise the retirement age | a higher retirement age | raising the retirement age
pay everyone a basic income | a basic income for everyone | paying everyone a basic income
cut corporate taxes | lower corporate taxes | cutting corporate taxes
abolish inheritance tax | the abolition of inheritance tax | abolishing inheritance tax
limit rent increases | rent control | limiting rent increases
build social housing | more social housing | building social housing
pedestrianise the city centre | a car-free city centre | pedestrianising the city centre
make buses free | free buses | making buses free
ban cars near schools | a ban on cars near schools | banning cars near schools
lower speed limits | lower speed limits in towns | lowering speed limits
require helmets for cyclists | compulsory bicycle helmets | requiring helmets for cyclists
ban boxing | a ban on boxing | banning boxing
allow gene editing | gene editing | allowing gene editing
make vaccination mandatory | mandatory vaccination | making vaccination mandatory
tax junk food | a junk food tax | taxing junk food
ban alcohol advertising | a ban on alcohol advertising | banning alcohol advertising
raise tobacco prices | higher tobacco prices | raising tobacco prices
decriminalise drugs | drug decriminalisation | decriminalising drugs
legalise prostitution | legal prostitution | legalising prostitution
abolish the death penalty | the abolition of the death penalty | abolishing the death penalty
introduce national service | national service | introducing national service
increase foreign aid | more foreign aid | increasing foreign aid
join the trade pact | membership of the trade pact | joining the trade pact
impose tariffs on steel | steel tariffs | imposing tariffs on steel
protect small farms | the protection of small farms | protecting small farms
ban genetically modified crops | a ban on genetically modified crops | banning genetically modified crops
reintroduce wolves | the return of wolves | reintroducing wolves
limit tourism | limits on tourism | limiting tourism
return museum treasures | the return of museum treasures | returning museum treasures
fund the arts | public funding of the arts | funding the arts
censor violent films | the censorship of violent films | censoring violent films
ban gambling adverts | a ban on gambling adverts | banning gambling adverts
regulate cryptocurrencies | cryptocurrency regulation | regulating cryptocurrencies
abolish cash | a cashless society | abolishing cash
rewrite the code in Rust | a rewrite in Rust | rewriting the code in Rust
adopt microservices | microservices | adopting microservices
move to the cloud | a move to the cloud | moving to the cloud
require code review | mandatory code review | requiring code review
write tests first | test-driven development | writing tests first
merge the two teams | a merger of the two teams | merging the two teams
hire more managers | more managers | hiring more managers
outsource customer support | outsourced customer support | outsourcing customer support
publish all salaries | pay transparency | publishing all salaries
introduce gender quotas | gender quotas | introducing gender quotas
ban zero-hours contracts | a ban on zero-hours contracts | banning zero-hours contracts
strengthen trade unions | stronger trade unions | strengthening trade unions
let cats roam outdoors | outdoor life for cats | letting cats roam outdoors
postpone the release | a later release | postponing the release
raise our prices | higher prices for our product | raising our prices
open a second office | a second office | opening a second office
invest in robotics | an investment in robotics | investing in robotics
sell the subsidiary | the sale of the subsidiary | selling the subsidiary
expand the airport | the airport expansion | expanding the airport
host the Olympic Games | hosting the Olympics | hosting the Olympic Games
teach handwriting | handwriting lessons | teaching handwriting
adopt electronic voting | electronic voting | adopting electronic voting
shorten prison sentences | shorter prison sentences | shortening prison sentences
monitor private messages | the monitoring of private messages | monitoring private messages
ban encryption | a ban on encryption | banning encryption
keep daylight saving time | daylight saving time | keeping daylight saving time
ban fireworks | a ban on fireworks | banning fireworks
allow shops to open on Sundays | Sunday opening of shops | allowing shops to open on Sundays
test citizens for citizenship | a citizenship test | testing citizens for citizenship
grade pupils on effort | grades for effort | grading pupils on effort
pay blood donors | payment for blood donors | paying blood donors
allow organ sales | a market for organs | allowing organ sales
"""

#: subject | is or are | what it is | the opposite
PROPERTIES = """
nuclear submarines | are | safe | dangerous
video games | are | harmless | harmful
vaccines | are | effective | useless
self-driving cars | are | reliable | unreliable
modern art | is | beautiful | ugly
public transport | is | cheap | expensive
the new policy | is | fair | unfair
the tax system | is | simple | complicated
artificial sweeteners | are | healthy | unhealthy
organic food | is | better for you | worse for you
the economy | is | strong | weak
unemployment | is | high | low
crime | is | rising | falling
house prices | are | going up | coming down
the election | was | honest | rigged
the report | is | accurate | misleading
the witness | is | truthful | lying
private schools | are | superior | inferior
older workers | are | productive | unproductive
teenagers | are | responsible | irresponsible
the software | is | secure | insecure
open source | is | trustworthy | untrustworthy
the proposal | is | realistic | unrealistic
the deadline | is | achievable | impossible
the budget | is | sufficient | insufficient
the merger | is | legal | illegal
whistleblowers | are | heroes | traitors
lotteries | are | moral | immoral
lying to protect a friend | is | right | wrong
eating meat | is | acceptable | unacceptable
hunting | is | kind | cruel
capitalism | is | just | unjust
inequality | is | necessary | avoidable
remote teams | are | efficient | inefficient
meetings | are | useful | a waste of time
email | is | alive | obsolete
the theory | is | true | false
the treatment | is | proven | unproven
the drug | is | addictive | not addictive
the bridge | is | stable | unstable
the river | is | clean | polluted
the water | is | drinkable | undrinkable
the market | is | growing | shrinking
competition | is | good | bad
globalisation | is | beneficial | damaging
tourism | is | a blessing | a curse
the internet | is | free | controlled
online learning | is | as good as school | worse than school
exams | are | necessary | pointless
grammar | is | important | unimportant
money | is | everything | unimportant
the war | was | avoidable | inevitable
the judge | was | impartial | biased
the press | is | independent | captured
robots | are | our friends | a threat
pets | are | good for children | bad for children
breakfast | is | essential | optional
running | is | good for the knees | bad for the knees
coffee | is | good for you | bad for you
wine | is | healthy in small amounts | unhealthy in any amount
cities | are | happy places | unhappy places
the company | is | profitable | losing money
the team | is | united | divided
customers | are | satisfied | dissatisfied
the product | is | ready | far from ready
the queue | is | short | long
the method | is | fast | slow
the results | are | significant | negligible
the risk | is | large | small
the gap between rich and poor | is | widening | narrowing
life expectancy | is | increasing | decreasing
trust in government | is | growing | declining
the shortage of nurses | is | severe | mild
the threat of pandemics | is | serious | overblown
the language barrier | is | a real problem | no problem
reading on screens | is | tiring | effortless
luck | is | decisive | irrelevant
talent | is | innate | learned
memory | is | reliable | deceptive
religion | is | a force for good | a force for evil
tradition | is | valuable | a burden
patience | is | a virtue | a weakness
"""

#: Nouns of POLICIES that take "are".
PLURAL = frozenset(
    {
        "stricter immigration rules",
        "open borders",
        "subsidised theatre tickets",
        "philosophy lessons for children",
        "lower corporate taxes",
        "free buses",
        "lower speed limits in towns",
        "compulsory bicycle helmets",
        "higher tobacco prices",
        "steel tariffs",
        "limits on tourism",
        "microservices",
        "more managers",
        "gender quotas",
        "stronger trade unions",
        "handwriting lessons",
        "shorter prison sentences",
        "higher prices for our product",
        "grades for effort",
    }
)
#: Participles of the verbs of POLICIES whose rest is one object.
PARTICIPLES = {
    "abolish": "abolished",
    "adopt": "adopted",
    "allow": "allowed",
    "arm": "armed",
    "ban": "banned",
    "cancel": "cancelled",
    "cap": "capped",
    "censor": "censored",
    "close": "closed",
    "cut": "cut",
    "decriminalise": "decriminalised",
    "fund": "funded",
    "hire": "hired",
    "impose": "imposed",
    "increase": "increased",
    "introduce": "introduced",
    "legalise": "legalised",
    "limit": "limited",
    "lower": "lowered",
    "merge": "merged",
    "nationalise": "nationalised",
    "outsource": "outsourced",
    "privatise": "privatised",
    "protect": "protected",
    "publish": "published",
    "raise": "raised",
    "regulate": "regulated",
    "restrict": "restricted",
    "strengthen": "strengthened",
    "subsidise": "subsidised",
    "tax": "taxed",
}

#: subject | does | does the opposite | to what
EFFECTS = """
coffee | improves | impairs | memory
social media | strengthens | destroys | friendships
homework | helps | hurts | children's learning
immigration | raises | lowers | wages
free trade | creates | costs | jobs
advertising | informs | deceives | consumers
automation | frees | enslaves | workers
video games | increase | reduce | aggression
strict laws | prevent | cause | crime
harsh sentences | deter | encourage | offenders
minimum wages | help | hurt | the poor
tax cuts | stimulate | slow | growth
patents | promote | block | innovation
unions | protect | harm | workers
small classes | improve | worsen | results
exercise | reduces | increases | stress
sleep | boosts | lowers | concentration
sugar | causes | prevents | diabetes
red wine | protects | damages | the heart
meditation | relieves | worsens | anxiety
screens | ruin | improve | children's sleep
music lessons | raise | lower | intelligence
new roads | relieve | increase | traffic
tourists | enrich | ruin | old towns
rent control | lowers | raises | rents
regulation | protects | endangers | investors
competition | lowers | raises | prices
foreign aid | strengthens | undermines | local institutions
sanctions | weaken | strengthen | dictators
quotas | increase | decrease | fairness
bonuses | motivate | demotivate | employees
open offices | foster | kill | collaboration
meetings | speed up | slow down | projects
code review | finds | hides | bugs
type checks | prevent | introduce | errors
microservices | simplify | complicate | maintenance
the update | fixes | breaks | the login page
caching | shortens | lengthens | response times
vaccination | saves | costs | lives
antibiotics | cure | spread | infections
fasting | extends | shortens | life
zoos | save | endanger | rare animals
wolves | restore | destroy | forests
pesticides | protect | kill | bees
the monarchy | unites | divides | the country
the press | reveals | conceals | the truth
the internet | spreads | stops | false rumours
encryption | protects | threatens | society
cameras | increase | reduce | safety
prisons | reform | corrupt | young offenders
guns | protect | endanger | families
gambling | finances | ruins | communities
lotteries | help | exploit | the poor
travel | broadens | narrows | the mind
age | sharpens | dulls | judgment
praise | helps | spoils | children
competition at school | motivates | discourages | pupils
"""

FOR = (
    "We should {v}.",
    "I think we should {v}.",
    "We must {v}.",
    "We ought to {v}.",
    "I support {n}.",
    "I am in favour of {n}.",
    "I am for {n}.",
    "{N} {is} a good idea.",
    "{N} would be a step in the right direction.",
    "{N} {does} more good than harm.",
    "{N} {is} long overdue.",
    "{G} is the right thing to do.",
    "{G} would help.",
    "{G} makes sense.",
    "The benefits of {g} outweigh the costs.",
    "There is a strong case for {g}.",
    "It would be wise to {v}.",
    "It would be a mistake not to {v}.",
    "Nobody should object to {n}.",
)
AGAINST = (
    "We should not {v}.",
    "I don't think we should {v}.",
    "We must never {v}.",
    "We ought not to {v}.",
    "I oppose {n}.",
    "I am against {n}.",
    "I reject {n}.",
    "{N} {is} a bad idea.",
    "{N} would be a step in the wrong direction.",
    "{N} {does} more harm than good.",
    "{N} {is} unnecessary.",
    "{G} is wrong.",
    "{G} would backfire.",
    "{G} makes no sense.",
    "The costs of {g} outweigh the benefits.",
    "There is no good case for {g}.",
    "It would be unwise to {v}.",
    "It would be a mistake to {v}.",
    "Nobody should support {n}.",
)
#: Frames for policies whose verb takes an object: {o} is what it is done to, {p} how.
FOR_PASSIVE = (
    "{O} should be {p}.",
    "{O} ought to be {p}.",
    "It is time that {o} {were} {p}.",
    "I want {o} to be {p}.",
)
AGAINST_PASSIVE = (
    "{O} should not be {p}.",
    "{O} ought not to be {p}.",
    "There is no reason why {o} should be {p}.",
    "I do not want {o} to be {p}.",
)
NEUTRAL = (
    "The committee will discuss {n} on Tuesday.",
    "My neighbour wrote a book about {n}.",
    "{N} {was} in the news again this week.",
    "People have argued about {n} for decades.",
)
SAYS = (
    "{S}.",
    "I believe that {s}.",
    "It is clear that {s}.",
    "There is no doubt that {s}.",
    "The evidence that {s} is overwhelming.",
    "Experts agree that {s}.",
    "It is true that {s}.",
    "Nobody can deny that {s}.",
)
DENIES = (
    "It is not true that {s}.",
    "I doubt that {s}.",
    "I do not believe that {s}.",
    "It is a myth that {s}.",
    "The claim that {s} is exaggerated.",
    "Whether {s} is still an open question.",
    "There is little evidence that {s}.",
    "Those who say that {s} overstate their case.",
    "Experts disagree on whether {s}.",
    "It is far from certain that {s}.",
)
IDLE = ("Yesterday someone asked me about {s}.", "There is a long article about {s}.", "{S} came up at dinner.")


def _table(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


def _up(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sides(rng: random.Random) -> Iterable[tuple[str, str, Callable[[], str], Callable[[], str], Callable[[], str]]]:
    """(topic, kind, one who is for it, one who is against it, one who takes no side)."""
    for verb, noun, gerund in _table(POLICIES):
        words = {"v": verb, "n": noun, "g": gerund, "N": _up(noun), "G": _up(gerund)}
        words |= dict(
            zip(("is", "does", "was"), ("are", "do", "were") if noun in PLURAL else ("is", "does", "was"), strict=True)
        )
        first, _, rest = verb.partition(" ")
        passive = first in PARTICIPLES
        if passive:
            plural = rest.startswith("more ") or re.split(" in | on ", rest)[0].endswith("s")
            words |= {"o": rest, "O": _up(rest), "p": PARTICIPLES[first], "were": "were" if plural else "was"}
        pro, con = (FOR + 2 * FOR_PASSIVE, AGAINST + 2 * AGAINST_PASSIVE) if passive else (FOR, AGAINST)

        def say(frames: Sequence[str], words: dict[str, str] = words) -> str:
            return rng.choice(frames).format(**words)

        yield verb, "policy", lambda s=say, f=pro: s(f), lambda s=say, f=con: s(f), lambda s=say: s(NEUTRAL)
    claims = [(s, "property", f"{s} {v} {p}", f"{s} {v} {n}") for s, v, p, n in _table(PROPERTIES)]
    claims += [(f"{s}, {o}", "effect", f"{s} {p} {o}", f"{s} {n} {o}") for s, p, n, o in _table(EFFECTS)]
    for topic, kind, plus, minus in claims:

        def state(true: str, false: str) -> str:
            frames, claim = rng.choice(((SAYS, true), (SAYS, true), (DENIES, false)))
            return rng.choice(frames).format(s=claim, S=_up(claim))

        def idle(subject: str = topic.split(",")[0]) -> str:
            return rng.choice(IDLE).format(s=subject, S=_up(subject))

        yield topic, kind, lambda p=plus, m=minus: state(p, m), lambda p=plus, m=minus: state(m, p), idle


def _split(topic: str) -> str:
    share = int.from_bytes(hashlib.sha256(topic.encode()).digest()[:4], "big") / 2**32
    return "dev" if share < DEV_SHARE else "train"


def _rows(rng: random.Random) -> Iterable[Row]:
    everything = list(_sides(rng))
    for topic, kind, plus, minus, neutral in everything:
        split = _split(topic)
        peers = [e for e in everything if e[0] != topic and e[1] == kind and _split(e[0]) == split]
        made = [(plus(), minus(), "disagree") for _ in range(5)] + [(minus(), plus(), "disagree") for _ in range(4)]
        made += [(plus(), plus(), "agree") for _ in range(4)] + [(minus(), minus(), "agree") for _ in range(4)]
        made += [(rng.choice((plus, minus))(), neutral(), "unrelated") for _ in range(2)]
        made += [(plus(), rng.choice(peers)[2 + rng.randrange(2)](), "unrelated") for _ in range(3)]
        for a, b, label in made:
            if a != b:
                yield {"a": a, "b": b, "label": label, "kind": f"{kind}-{label}", "topic": topic, "split": split}


def main() -> None:
    """Write the file."""
    lines = dict.fromkeys(json.dumps(row, ensure_ascii=False) for row in _rows(random.Random(7)))  # noqa: S311
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
