"""Every place, as addresses of one project that has something of everything."""

from __future__ import annotations

from dataclasses import dataclass

from anyon.loadtest.service import Record, Service

SHOP = r"""mkdir -p shop tests
cat > shop/search.py <<'END'
from shop.catalogue import Product


def search(query: str) -> list[Product]:
    '''Products by a word of their title.'''
    return Product.objects.filter(title__icontains=query)


def facets(products: list[Product]) -> dict[str, int]:
    '''Counts by category.'''
    counts: dict[str, int] = {}
    for product in products:
        counts[product.category] = counts.get(product.category, 0) + 1
    return counts
END
echo 'PAGE = 20' > shop/settings.py
echo 'old' > shop/old_filter.py"""

CHANGE = r"""cat > shop/search.py <<'END'
from shop.catalogue import Product
from shop.rank import rank_of


def search(query: str, *, page: int = 0) -> list[Product]:
    '''Products by the words of their title and text, the title counting more.'''
    ranked = Product.objects.annotate(rank=rank_of(query)).order_by("-rank")
    return ranked[page * PAGE : (page + 1) * PAGE]


def facets(products: list[Product]) -> dict[str, int]:
    '''Counts by category.'''
    counts: dict[str, int] = {}
    for product in products:
        counts[product.category] = counts.get(product.category, 0) + 1
    return counts
END
cat > shop/rank.py <<'END'
def rank_of(query: str) -> Rank:
    words = query.split()
    return Rank("title", words, weight="A") + Rank("text", words, weight="B")
END
git rm -q shop/old_filter.py
mkdir -p tests/data
seq 1 2000 > tests/data/products.txt
head -c 2000 /dev/zero > tests/data/photo.bin
printf '\033[1m============ test session starts ============\033[0m\n'
for suite in basket catalogue checkout login orders prices search shipping stock taxes; do
  for part in 1 2 3; do
    printf 'tests/%s/test_%s_%d.py ......... \033[32mpassed\033[0m\n' "$suite" "$suite" "$part"
  done
done
printf 'tests/search/test_speed.py .... \033[33mslow: 1.8 s\033[0m\n'
printf '\033[32m============ \033[1m214 passed\033[0m\033[32m in 12.41s ============\033[0m\n'"""


@dataclass(frozen=True)
class Places:
    """Addresses below the installation's."""

    slug: str
    task: int
    attempt: int

    @property
    def project(self) -> str:
        return f"/p/{self.slug}"

    def all(self) -> dict[str, str]:
        """Name and address of each place behind the login."""
        return {
            "projects": "/",
            "board": self.project,
            "task": f"{self.project}/t/{self.task}",
            "attempt": f"{self.project}/t/{self.task}/{self.attempt}",
            "terminals": f"{self.project}/terminals",
            "settings": f"{self.project}/settings",
            "account": "/me",
            "admin": "/admin",
        }


async def _settled(service: Service, project_id: str, title: str, script: str) -> Record:
    task = await service.create_task(project_id, script, title=title, executor="shell")
    await service.settled(task["latest_attempt"]["id"])
    return task


async def furnish(service: Service, name: str) -> Places:
    """A project with a task in each column: waiting, running, in review, failed, done."""
    project_id = (project := await service.create_project(name))["id"]
    merged = await _settled(service, project_id, "Start with a simple search", SHOP)
    await service.request("POST", f"/api/attempts/{merged['latest_attempt']['id']}/merge", {})
    for title in ("Show delivery estimates on the product page", "Write down how prices are rounded"):
        await service.create_task(project_id, title, start=False)
    reviewed = await _settled(service, project_id, "Rank search results by title, then text", CHANGE)
    await _settled(service, project_id, "Publish the package", "echo 'publish: no credentials' >&2; exit 3")
    running = "while :; do printf 'checked %s links\\n' $((n += 7)); sleep 1; done"
    await service.create_task(project_id, running, title="Check every link of the manual", executor="shell")
    return Places(project["slug"], reviewed["number"], 1)
