// Search and folding. All of the report can be read without.
(function () {
	"use strict";
	var tools = document.getElementById("tools"), box = document.getElementById("search");
	var result = document.getElementById("result");
	var pieces = Array.from(document.querySelectorAll(
		"main .l, main tr, main p, main dt, main dd, main .chain li, main figcaption"));
	var hits = [], at = -1;

	function show(i) {
		if (at >= 0 && hits[at])
			hits[at].classList.remove("now");
		at = i;
		if (at < 0)
			return;
		for (var e = hits[at]; e; e = e.parentElement)
			if (e.tagName === "DETAILS")
				e.open = true;
		hits[at].classList.add("now");
		hits[at].scrollIntoView({ block: "center" });
		result.textContent = (at + 1) + " of " + hits.length;
	}

	function search() {
		var words = box.value.toLowerCase();

		show(-1);
		hits.forEach(function (e) { e.classList.remove("hit"); });
		hits = words === "" ? [] : pieces.filter(function (e) {
			return e.textContent.toLowerCase().indexOf(words) >= 0;
		});
		hits.forEach(function (e) { e.classList.add("hit"); });
		result.textContent = words === "" ? "" : hits.length === 0 ? "not found" :
			hits.length + " found; Enter goes to the next";
	}

	function fold(open) {
		document.querySelectorAll("main details").forEach(function (e) { e.open = open; });
	}

	tools.hidden = false;
	box.addEventListener("input", search);
	tools.addEventListener("submit", function (event) { event.preventDefault(); });
	box.addEventListener("keydown", function (event) {
		if (event.key === "Enter" && hits.length)
			show((at + (event.shiftKey ? hits.length - 1 : 1) + (at < 0 && event.shiftKey ? 1 : 0)) % hits.length);
	});
	document.getElementById("unfold").addEventListener("click", function () { fold(true); });
	document.getElementById("fold").addEventListener("click", function () { fold(false); });
	document.addEventListener("keydown", function (event) {
		if (event.key === "/" && event.target !== box) {
			event.preventDefault();
			box.focus();
		}
	});
	// A link into a folded part opens it.
	window.addEventListener("hashchange", function () {
		var e = document.getElementById(location.hash.slice(1));

		for (; e; e = e.parentElement)
			if (e.tagName === "DETAILS")
				e.open = true;
	});
}());
