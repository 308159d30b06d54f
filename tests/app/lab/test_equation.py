from neuraxis.app.lab.equation import mathml


def test_symbols_say_what_they_are_called():
    written = mathml(r"g_{\mathrm{Na}} m^3 (V - V_{\mathrm{Na}}) + \tau_m")
    for symbol in ("g_Na", "m", "V", "V_Na", "τ_m"):
        assert f'data-symbol="{symbol}"' in written
    assert 'data-symbol="g"' not in written
    assert written.count('data-symbol="V"') == 1
